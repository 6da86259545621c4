"""Measure a finished run again, or what a peer made, the way the paper does: `python evaluate.py run=outputs/demo`."""

from to4d.commands.evaluate import main

if __name__ == "__main__":
    main()
