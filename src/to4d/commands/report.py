"""Compare finished runs: `to4d-report runs=outputs/table2 paper=table2`."""

from pathlib import Path

import hydra
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from to4d.cli import CONF, command, report_user_errors


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="report")
@report_user_errors
def task(cfg: DictConfig) -> None:
    """Write tables and a page into `out`."""
    runs = OmegaConf.to_container(cfg.runs) if OmegaConf.is_config(cfg.runs) else cfg.runs
    for path in instantiate(cfg.comparison)(runs, Path(cfg.out)):
        print(path)


def main() -> None:
    """The command `to4d-report`."""
    command(task, "report")
