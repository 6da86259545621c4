"""What the parts of a body are called: a fitted joint assignment."""
