"""Faults that happen to real runs, and what became of these: the table of docs/reliability.md.

    python bench/faults.py --faults 200 --out faults.jsonl

Each fault is drawn from its number, so the same line goes on where it was stopped. See tests/faults/ordeal.py.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "faults"))

from happenings import can_mount
from ordeal import KINDS, suffer, truths


def table(outcomes: list[dict]) -> str:
    """A line for each kind of fault."""
    lines = ["| fault | runs | same bits at the end | refused by name on the way | steps lost, at most | other |"]
    lines += ["|---|---|---|---|---|---|"]
    for kind in [kind for kind in KINDS if any(o["kind"] == kind for o in outcomes)] + ["all"]:
        mine = [o for o in outcomes if kind in (o["kind"], "all")]
        same, refused = sum(o["verdict"] == "same" for o in mine), sum(bool(o["refused"]) for o in mine)
        other = ", ".join(sorted({f"{o['verdict']} ({o['seed']})" for o in mine if o["verdict"] != "same"}))
        lines.append(f"| {kind} | {len(mine)} | {same} | {refused} | {max(o['lost'] for o in mine)} | {other or '-'} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Let the faults that are left happen; status 1 if any run did not end with the bits of an unbroken one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("faults.jsonl"))
    options = parser.parse_args(arguments)
    before = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    left = set(range(options.first, options.first + options.faults)) - {outcome["seed"] for outcome in before}
    with tempfile.TemporaryDirectory(prefix="to4d-faults-") as folder:
        disks = can_mount(Path(folder) / "mount")
        kinds = tuple(kind for kind in KINDS if disks or kind not in ("full disk", "read-only"))
        truth = truths(Path(folder)) if left else {}
        for seed in sorted(left):
            outcome = suffer(seed, Path(folder) / str(seed), truth, kinds)
            if outcome.verdict == "same":
                shutil.rmtree(Path(folder) / str(seed))
            else:
                print((Path(folder) / str(seed) / "said.txt").read_text(), file=sys.stderr)
            with options.out.open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
    outcomes = [json.loads(line) for line in options.out.read_text().splitlines()]
    print(table(outcomes))
    return int(any(outcome["verdict"] != "same" for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
