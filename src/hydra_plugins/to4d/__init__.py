"""Sweeps: which cells are left to do, and where they are done. Hydra looks for its plugins in this folder."""
