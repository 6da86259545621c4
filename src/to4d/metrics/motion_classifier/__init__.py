"""Which motion does a clip show? A small classifier of silhouettes and optical flow, with its weights."""
