"""The commands: `to4d-train` and the others, and `train.py` and the others at the root of the repository."""
