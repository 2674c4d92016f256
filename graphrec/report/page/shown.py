"""What the test of a probability left for people to look at: calibration, a response curve, lifts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from graphrec.errors import InputError
from graphrec.report.runs import RunRecord

_BEGINS = "shown_"


@dataclass(frozen=True)
class ShownTable:
    """A table that a test left.

    Args:
        name: Such as ``calibration``.
        frame: Its rows.
        x: Column of the horizontal axis; nothing is drawn without one.
        y: Columns that are drawn.
    """

    name: str
    frame: pd.DataFrame
    x: str = ""
    y: tuple[str, ...] = ()


def read_shown(run: RunRecord) -> list[ShownTable]:
    """Read what the test of a run left, by name; nothing of a run of an older version.

    Args:
        run: The run, as tested.

    Raises:
        InputError: If a file cannot be read.
    """
    place = run.path / "refit" if run.tested == "refit" else run.path
    return [_read(file) for file in sorted(place.glob(f"{_BEGINS}*.parquet"))]


def _read(file: Path) -> ShownTable:
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", file=file, hint="run `graphrec test` again") from error
    name, attributes = file.stem.removeprefix(_BEGINS), frame.attrs
    return ShownTable(name, frame, str(attributes.get("x", "")), tuple(attributes.get("y", ())))
