"""From folders of runs to a comparison: tables in three formats and a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from to4d.disk.files import write_atomically
from to4d.errors import InputError
from to4d.report.comparison_page import comparison_page
from to4d.report.finished_runs import check_pairs, read_runs
from to4d.report.paper import paper_rows
from to4d.report.reproduction import check_reproduction
from to4d.report.table import columns_of, make_table
from to4d.report.writers import cells_csv, latex, markdown, table_csv


@dataclass(frozen=True)
class Comparison:
    """Writes `table.csv`, `runs.csv`, `table.md`, `table.tex` and `compare.html`.

    Args:
        columns: names of figures (see `to4d.report.columns`); one that no run has is left out.
        paper: a table of the paper to stand beside ours, or None.
        reference: the method that the others are compared to; None is `ours`, or else the first.
        motion: the figure across the scatter plot.
        identity: the figure upwards.
        azimuth: of the videos, degrees.
        videos: at most so many cells show theirs.
        against: a `runs.csv` that was kept, in which these runs have to be found again, figure by figure.
    """

    columns: Sequence[str]
    paper: str | None = None
    reference: str | None = None
    motion: str = "flow"
    identity: str = "ms_ssim"
    azimuth: int = 0
    videos: int = 12
    against: str | None = None

    def __call__(self, runs: str | Sequence[str] | Mapping[str, str], out: Path) -> list[Path]:
        """Read the runs below some folders, write below `out`; returns what was written."""
        found, source, unfinished = read_runs(by_folder(runs))
        check_pairs(found)
        if self.against is not None:
            check_reproduction(found, Path(self.against))
        table = make_table(found, list(self.columns), paper_rows(self.paper), self.reference)
        axes = columns_of([self.motion, self.identity])
        texts = {
            "table.csv": table_csv(table),
            "runs.csv": cells_csv(found, table.columns),
            "table.md": markdown(table),
            "table.tex": latex(table),
            "compare.html": comparison_page(
                found, table, source, unfinished, (axes[0], axes[1]), self.azimuth, self.videos
            ),
        }
        for name, text in texts.items():
            write_atomically(out / name, text.encode())
        return [out / name for name in texts]


def by_folder(runs: str | Sequence[str] | Mapping[str, str] | None) -> dict[str, str | None]:
    """Folder -> name of its method, from what a user may say.

    >>> by_folder("a"), by_folder(["a", "b"]), by_folder({"ours": "a"})
    ({'a': None}, {'a': None, 'b': None}, {'a': 'ours'})
    """
    if not runs:
        raise InputError("runs is empty; name a folder of finished runs: runs=DIR, or 'runs={ours: DIR, other: DIR}'")
    if isinstance(runs, str):
        return {runs: None}
    if isinstance(runs, Mapping):
        return {str(folder): str(method) for method, folder in runs.items()}
    return {str(folder): None for folder in runs}
