"""Priors made of the components of diffusers' pipelines: `guidance=wan`, `ltx`, `svd` ... (docs/priors.md)."""
