"""A mesh as a solid, and the parts that stick out of it."""
