"""Look at a run in a browser, finished or at work with view=true: `python view.py run=outputs/demo`."""

from to4d.commands.view import main

if __name__ == "__main__":
    main()
