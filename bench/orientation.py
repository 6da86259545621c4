"""How many objects come upright and face the front by themselves.

    TO4D_DATA=DIR TO4D_ANIMATED=DIR python bench/orientation.py [--left-out]

takes the files of `to4d_lab.rig.standing_meshes` as they are, and once more turned at random without a convention's help:
as an OBJ of no known program. With `--left-out` each pack is judged by what the others taught.
"""
