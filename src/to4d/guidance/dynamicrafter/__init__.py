"""The paper's prior: DynamiCrafter (Xing et al., 2023) in our own code, with the official weights (`prior.py`)."""
