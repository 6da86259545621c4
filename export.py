"""Export a finished run once more, in another way: `python export.py run=outputs/demo frames=96 fps=48`."""

from to4d.commands.export import main

if __name__ == "__main__":
    main()
