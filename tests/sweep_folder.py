"""Where tests/sweep_app.py runs as a program with a configuration of its own."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def laid_out(folder: Path, configuration: str) -> Path:
    """The program, the configuration, and the sweepers and launchers of train.py."""
    shutil.copy(ROOT / "tests" / "sweep_app.py", folder / "app.py")
    for group in ("sweeper", "launcher"):
        shutil.copytree(ROOT / "conf" / "hydra" / group, folder / "conf" / "hydra" / group)
    (folder / "conf" / "app.yaml").write_text(configuration)
    return folder


def environment() -> dict[str, str]:
    """In which a program started elsewhere finds to4d."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])}
