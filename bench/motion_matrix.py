"""Does the 4D object do what its prompt says? Runs prompts x objects and prints which motion checks each clip passes.

    TO4D_DATA=... python bench/motion_matrix.py --out DIR [--objects ...] [--motions ...] [setting=value ...]

A clip passes a check if at least three of its four views do. Finished cells are kept: the command resumes.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from hydra import compose, initialize_config_dir

ROOT = Path(__file__).resolve().parents[1]
OBJECTS = ["gso/plant", "gso/mario", "gso/hand_bell"]
MOTIONS = ["jumping", "growing", "swaying"]
CHECKS = ["jumping", "growing", "swaying"]


def noun_of(name: str) -> str:
    """The word that names an object."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", [f"object={name}"]).object.noun


def cell(name: str, motion: str, out: Path, settings: list[str]) -> dict:
    """Run one prompt on one object, unless that is done; its metrics."""
    folder = out / name.replace("/", "_") / motion
    if not (folder / "metrics.json").exists():
        prompt = f"a {noun_of(name)} {motion}"
        command = [sys.executable, "train.py", f"object={name}", f"prompt={prompt}", f"out={folder}", *settings]
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return json.loads((folder / "metrics.json").read_text())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--objects", nargs="+", default=OBJECTS)
    parser.add_argument("--motions", nargs="+", default=MOTIONS)
    parser.add_argument("settings", nargs="*", default=[])
    arguments = parser.parse_args()
    print(f"| object | prompt | own check | {' | '.join(CHECKS)} | flow | PSNR t=0, lowest view | haze |")
    print("|---" * (len(CHECKS) + 6) + "|")
    for name in arguments.objects:
        for motion in arguments.motions:
            m = cell(name, motion, arguments.out.resolve(), arguments.settings)
            own = {True: "passed", False: "failed", None: "-"}[m["eval/motion_passed"]]
            views = " | ".join(f"{m[f'eval/views_passing/{check}']}/4" for check in CHECKS)
            figures = f"{m['eval/flow']:.2f} | {m['eval/psnr_t0_min']:.1f} | {m['eval/haze']:.4f}"
            print(f"| {name} | {motion} | {own} | {views} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
