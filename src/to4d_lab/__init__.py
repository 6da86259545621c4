"""What makes the weights that ship with `to4d`: a generator of captioned clips, trainings, fits, evaluations.

`data` makes clips; `mini` trains and evaluates the embedded prior on them, `motion_classifier` the classifier of the
metrics. The package `to4d` never imports this one, and its wheel leaves it out.
"""
