"""The figures of the paper's tables, to stand beside ours."""

from pathlib import Path

import yaml

from to4d.errors import InputError


def paper_rows(table: str | None) -> dict[str, dict[str, float]]:
    """Method -> column -> the paper's number, times 100; nothing for no table.

    >>> paper_rows("table2")["without_mask"]["lpips"]
    15.8

    Raises:
        InputError: if the paper has no such table here.
    """
    if table is None:
        return {}
    known = yaml.safe_load((Path(__file__).parent / "paper.yaml").read_text())
    if table not in known["tables"]:
        raise InputError(f"paper={table} is no table of the paper; known: {', '.join(known['tables'])}")
    rows = known["tables"][table].items()
    return {method: dict(zip(known["columns"], values, strict=True)) for method, values in rows}
