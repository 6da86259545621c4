"""Training, fits and evaluation of the embedded prior, `to4d.guidance.mini`."""
