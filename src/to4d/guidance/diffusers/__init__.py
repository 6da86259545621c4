"""Priors made of the components of diffusers' pipelines: `guidance=wan|cogvideox|ltx|svd|i2vgen_xl|modelscope`."""
