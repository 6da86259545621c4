"""Export a finished run once more, in another way: `to4d-export run=outputs/demo frames=96 fps=48`."""

from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig

from to4d.cli import CONF, command, nearest, report_user_errors
from to4d.errors import InputError
from to4d.runs.run import export_all, restore_for_command


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="export")
@report_user_errors
def task(cfg: DictConfig) -> None:
    """Write one format into the run's folder, or to `out`."""
    if cfg.format not in cfg.export:
        raise InputError(f"there is no format {cfg.format!r}; {nearest(str(cfg.format), list(cfg.export))}")
    settings = {name: cfg[name] for name in ("frames", "fps") if cfg[name] is not None}
    exporter = instantiate(cfg.export[cfg.format], **settings)
    scene = restore_for_command(Path(cfg.run), cfg.trust)
    for name, value in export_all([exporter], scene, Path(cfg.out)).items():
        print(f"{name}: {value}")


def main() -> None:
    """The command `to4d-export`."""
    command(task, "export")
