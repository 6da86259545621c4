"""Which motion does a clip show? What a tracker sees of it, and a small classifier of that."""
