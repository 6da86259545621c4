"""Which way of a mesh is up, and where its front is."""
