"""Fits the roles of a rig on rigged characters and on procedural objects."""
