"""Compare finished runs: `python report.py runs=outputs/table2 paper=table2`."""

from to4d.commands.report import main

if __name__ == "__main__":
    main()
