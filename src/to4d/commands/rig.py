"""Put a skeleton into a mesh: `to4d-rig object=file object.path=lion.glb object.noun=lion out=outputs/lion`."""

import hydra
from omegaconf import DictConfig

from to4d.cli import CONF, command, report_user_errors
from to4d.runs.rigging import rig_object


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="rig")
@report_user_errors
def task(cfg: DictConfig) -> None:
    """Write rig.json, and where there is a rig rigged.glb and rig.png, into `out`."""
    asset = rig_object(cfg)
    for path in asset.files:
        print(path)


def main() -> None:
    """The command `to4d-rig`."""
    command(task, "rig")
