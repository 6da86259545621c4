"""Animate one mesh with one prompt: `python train.py object=gso/plant prompt="a plant blooming"`."""

from to4d.commands.train import main

if __name__ == "__main__":
    main()
