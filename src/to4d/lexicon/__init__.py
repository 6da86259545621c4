"""English words for motions, their pace and size, and objects: one table for priors, motion checks and captions."""
