"""Fetching the weights of large priors and of networks that measure: `python -m to4d.weights list`, `... get NAME`."""
