"""Does the 4D object do what its prompt says? Runs prompts x objects and prints which motion checks each clip passes.

    TO4D_DATA=... python bench/motion_matrix.py --out DIR [--objects ...] [--motions ...] [setting=value ...]

A clip passes a check if at least three of its four views do (a check on surface tracks counts for all four). Finished
cells are kept: the command resumes. At the end: how many cells pass their own check, and the mean confusion.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir

from to4d.report.writers import format_digits, markdown_table

ROOT = Path(__file__).resolve().parents[1]
OBJECTS = [
    *("gso/mario", "gso/hand_bell", "gso/rhino", "data/q_houseplant"),
    *("data/kaykit_candle_triple", "gso/spiderman", "gso/lion", "data/sunflower"),
]
MOTIONS = ["jumping", "growing", "melting", "swaying", "spinning", "shaking", "nodding", "falling over"]
CHECKS = ["jumping", "growing", "melting", "swaying", "spinning", "shaking", "nodding", "falling", "twisting", "still"]
HEADS = ["object", "prompt", "own check", *CHECKS, "flow", "PSNR t=0, lowest view", "haze"]


def noun_of(name: str) -> str:
    """The word that names an object."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", [f"object={name}"]).object.noun


def animated(name: str, motion: str, out: Path, settings: list[str]) -> Path:
    """The folder of one prompt on one object, run unless that is done."""
    folder = out / name.replace("/", "_") / motion.replace(" ", "_")
    if not (folder / "metrics.json").exists():
        prompt = f"a {noun_of(name)} {motion}"
        command = [sys.executable, "train.py", f"object={name}", f"prompt={prompt}", f"out={folder}", *settings]
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return folder


def parsed(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, list[str]]:
    """The options of the command line and the settings KEY=VALUE, which `--motions` would take for its own."""
    words, settings = ([word for word in sys.argv[1:] if ("=" in word) == wanted] for wanted in (False, True))
    return parser.parse_args(words), settings


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--objects", nargs="+", default=OBJECTS)
    parser.add_argument("--motions", nargs="+", default=MOTIONS)
    arguments, settings = parsed(parser)
    print(markdown_table(HEADS, []), end="")
    cells = []
    for name in arguments.objects:
        for motion in arguments.motions:
            folder = animated(name, motion, arguments.out.resolve(), settings)
            cells.append((motion, json.loads((folder / "metrics.json").read_text())))
            print(f"| {' | '.join(line(name, *cells[-1]))} |", flush=True)
    print(f"\n{confusion(cells)}")


def line(name: str, motion: str, m: dict) -> list[str]:
    """One cell: views of four that pass each check, and what it cost."""
    own = {True: "passed", False: "failed", None: "-"}[m["eval/motion_passed"]]
    views = ["-" if (count := m[f"eval/views_passing/{check}"]) is None else f"{count}/4" for check in CHECKS]
    return [
        name,
        motion,
        own,
        *views,
        *(format_digits(m[f"eval/{figure}"]) for figure in ("flow", "psnr_t0_min", "haze")),
    ]


def confusion(cells: list[tuple[str, dict]]) -> str:
    """How many cells pass their own check, and for every prompt the share of views that pass each check."""
    passed, rows = sum(m["eval/motion_passed"] is True for _, m in cells), []
    for motion in dict.fromkeys(motion for motion, _ in cells):
        own = [m for label, m in cells if label == motion]
        shares = [sum(m[f"eval/views_passing/{check}"] or 0 for m in own) / (4 * len(own)) for check in CHECKS]
        rows.append([motion, *(f"{share:.2f}" if share else "." for share in shares)])
    return f"{passed} of {len(cells)} pass their own check\n\n{markdown_table(['prompt', *CHECKS], rows)}"


if __name__ == "__main__":
    main()
