"""The rig that a glTF file brings along."""
