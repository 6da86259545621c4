"""Put a skeleton into a mesh: `python rig.py object=file object.path=lion.glb object.noun=lion out=outputs/lion`."""

from to4d.commands.rig import main

if __name__ == "__main__":
    main()
