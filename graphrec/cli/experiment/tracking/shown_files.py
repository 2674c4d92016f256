"""What people look at after a test, as files of the run: ``shown_calibration.parquet`` and the like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytorch_lightning.utilities import rank_zero_only

from graphrec.data.interactions import Columns
from graphrec.files import write_parquet
from graphrec.training.shown import Shown


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def keep_shown(folder: Path, shown: Mapping[str, Shown]) -> None:
    """Write each table of no single user; how it is drawn stands in the attributes of its frame.

    Args:
        folder: Of the run, or of its refit.
        shown: By name.

    Raises:
        InputError: If a file cannot be written.
    """
    for name, one in shown.items():
        if Columns.USER in one.frame:
            continue
        frame = one.frame.copy(deep=False)
        frame.attrs = {"x": one.x, "y": list(one.y)}
        write_parquet(frame, folder / f"shown_{name}.parquet")
