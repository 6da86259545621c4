"""Sweeps: which cells remain, and where they run. Hydra looks for its plugins in this folder."""
