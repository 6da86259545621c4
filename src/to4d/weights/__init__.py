"""Fetching the weights of large priors: `python -m to4d.weights list` and `... get NAME`."""
