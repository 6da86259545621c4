"""The training clips of the embedded prior: procedural objects, real meshes, motions, captions."""
