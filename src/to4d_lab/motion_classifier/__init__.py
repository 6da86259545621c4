"""The training of the motion classifier, `to4d.metrics.motion_classifier`."""
