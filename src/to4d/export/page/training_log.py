"""What was logged while training, by phase and step."""

import csv
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

QUANTITIES = {  # those shown, in this order, and what they are
    "static": "Static loss: difference to the input at rest.",
    "flow": "Flow loss: distance to where the prior wants the surface.",
    "sds": "SDS loss: distance of the clip to the estimate of the prior.",
    "regularizer": "Roughness of the motion.",
    "azimuth_limit_deg": "Azimuth range: cameras stand within this of the front, in degrees.",
    "mask": "Mask: mean weight of the guidance over the clip.",
    "timestep": "Timestep: noise level of the clip that the prior gets, in steps of its schedule.",
}


@dataclass
class TrainingLog:
    """The values of each quantity, by phase and step; phases in the order in which they ran."""

    phases: list[str] = field(default_factory=list)
    values: dict[tuple[str, str], dict[int, float]] = field(default_factory=dict)  # (phase, quantity) -> by step

    def length(self, phase: str) -> int:
        """Steps of a phase, as far as logged."""
        return 1 + max(max(steps) for (name, _), steps in self.values.items() if name == phase)


def read_log(folder: Path) -> TrainingLog:
    """All `version_<n>/metrics.csv` below `folder`; what a resumed run logged again replaces what came before."""
    log = TrainingLog()
    versions = sorted(folder.glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name.split("_")[1]))
    for name, step, value in (entry for path in versions for entry in _entries(path)):
        phase, _, quantity = name.partition("/")
        if phase not in log.phases:
            log.phases.append(phase)
        log.values.setdefault((phase, quantity), {})[step] = value
    return log


def _entries(path: Path) -> Iterator[tuple[str, int, float]]:
    """Finite values of the phases in one file: name, step, value. What cannot be read is left out, with a warning."""
    lines, lost = path.read_text(errors="replace").replace("\0", "").splitlines(), 0
    for row in csv.DictReader(lines, restkey="/", quoting=csv.QUOTE_NONE):
        for name, text in row.items():
            if text and name.partition("/")[2] in QUANTITIES and not name.startswith("eval/"):
                try:
                    value, step = float(text), int(row["step"])
                except (ValueError, KeyError, TypeError):
                    lost += 1
                    continue
                if math.isfinite(value):
                    yield name, step, value
    if lost:
        logger.warning("%s is damaged: %d of its values cannot be read and are not in the report", path, lost)
