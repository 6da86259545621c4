"""Joints along the limbs, and skinning weights."""
