"""Tables and curves in the run of Weights & Biases: what a test shows, and what became of the rows.

No id of a user leaves the machine: each has a pseudonym instead, the same in all tables of a run.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from graphrec.cli.experiment.tracking.wandb_runs import send
from graphrec.data.interactions import Columns
from graphrec.training.shown import Shown


class Pseudonyms:
    """Names for users that nobody can turn back: the key is random, and is kept nowhere."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def of(self, ids: pd.Series[Any]) -> list[str]:
        """Give each id its name, the same each time."""
        digests = (hashlib.blake2b(str(one).encode(), key=self._key, digest_size=5) for one in ids)
        return [f"user-{digest.hexdigest()}" for digest in digests]


@rank_zero_only  # type: ignore[untyped-decorator,unused-ignore]
def record_shown(loggers: Sequence[Logger], shown: Mapping[str, Shown]) -> None:
    """Write tables and curves into the W&B run.

    Args:
        loggers: Of the trainer; those of W&B are taken.
        shown: By name.
    """
    names = Pseudonyms()

    def write(run: Any) -> None:
        run.log({key: part for name, one in shown.items() for key, part in _parts(name, one, names).items()})

    if shown:
        send(loggers, write)


def _parts(name: str, one: Shown, names: Pseudonyms) -> dict[str, Any]:
    """Make the table, and the chart of its curves if there are any."""
    import wandb

    frame = one.frame
    if Columns.USER in frame:
        frame = frame.assign(**{Columns.USER: names.of(frame[Columns.USER])})
    cells = frame.astype(object).where(frame.notna(), None).to_numpy()
    rows: list[Iterable[Any]] = [[_plain_cell(value) for value in row] for row in cells]
    found: dict[str, Any] = {
        name: wandb.Table(columns=[str(name) for name in frame], data=rows, allow_mixed_types=True)
    }
    if one.x:
        xs, ys = [frame[one.x].tolist()] * len(one.y), [frame[column].tolist() for column in one.y]
        title = name.replace("_", " ")
        found[f"{name}_chart"] = wandb.plot.line_series(xs, ys, keys=list(one.y), title=title, xname=one.x)
    return found


def _plain_cell(value: Any) -> Any:
    """Make a cell that JSON knows: numbers of Python, and text for everything else."""
    value = value.item() if hasattr(value, "item") else value
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
