"""The log that has grown: which files are old and which are new, and what the new ones bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec.data.cleaning.account import FILE
from graphrec.data.interactions import Columns, RawData
from graphrec.data.places.database import is_database
from graphrec.data.splits import Split
from graphrec.data.tables.files import look
from graphrec.errors import InputError
from graphrec.notices import note, warn
from graphrec.offers.limits.facts_in_force import said_weeks


def grown_paths(source: Mapping[str, Any], new: Iterable[Path]) -> tuple[list[str], list[str]]:
    """List the files of the log of then and those that have come since.

    A folder or a pattern of then is written out, without the new files that lie in it by now.

    Args:
        source: Arguments of `graphrec.data.sources.table`.
        new: Files, folders and patterns.

    Raises:
        InputError: If the log is a table of a database.
    """
    given = source["path"]
    old = [given] if isinstance(given, str) else list(given)
    if any(is_database(one) for one in old):
        hint = "fit again on the database, or on a file of it"
        raise InputError("its log is a database, which grows by itself", column="--log", hint=hint)
    new_paths = list(dict.fromkeys(str(part.path) for one in new for part in look(one).parts))
    added = {Path(one).resolve() for one in new_paths}
    return [path for one in old for path in _written_out(one, added)], new_paths


def check_new(old_paths: Iterable[str], new_paths: Iterable[str]) -> None:
    """Raise `InputError` if a new file is in the log of the run already."""
    added = {Path(one).resolve() for one in new_paths}
    if again := next((one for one in old_paths if Path(one).resolve() in added), None):
        hint = "give the rows that have come since in a file of their own"
        raise InputError("this file is in the log of the run", file=again, column="--log", hint=hint)


def _written_out(path: str, added: set[Path]) -> list[str]:
    """Write the files of a folder or a pattern out, unless their folders are columns, too."""
    parts = look(Path(path)).parts
    if len(parts) == 1 and parts[0].path == Path(path):
        return [path]
    kept = [str(part.path) for part in parts if part.path.resolve() not in added]
    if any(part.folders for part in parts):
        if len(kept) < len(parts):
            what = "the new file lies in the folder of the run's log, whose names are columns"
            raise InputError(what, file=path, column="--log", hint="keep new files in another folder")
        return [path]
    return kept


@dataclass(frozen=True)
class Growth:
    """What the new files bring, in the weeks of the grown log.

    Args:
        given: Rows in the new files.
        used: Rows of them that are used.
        equal: Rows of them that equal earlier ones and are left out.
        before: Rows of the log of then that are used.
        trained_to: Last week that what serves was trained on.
        old_last: Last week of the log of then.
        last: Last week of the grown log.
        shared: Weeks that both logs have.
    """

    given: int
    used: int
    equal: int
    before: int
    trained_to: int
    old_last: int
    last: int
    shared: tuple[int, ...]

    @property
    def line(self) -> str:
        """Say it in a sentence."""
        line = f"new log: {self.given:,} rows, of which {self.used:,} are used"
        if self.equal:
            line += f"; {self.equal:,} of them equal earlier rows and count once"
        if self.shared:
            line += f"; both logs have rows of {said_weeks(self.shared)}"
        return f"{line}; the log now ends with week {self.last}"


def is_new(log: pd.DataFrame, new_paths: Sequence[str]) -> pd.Series[bool]:
    """Mark the rows of a log that stand in the new files."""
    return log[FILE].astype("str").isin([str(path) for path in new_paths])


def growth_of(old: RawData, split: Split, grown: RawData, new_paths: Sequence[str]) -> Growth:
    """Compare the log of then with the grown one.

    Args:
        old: The log of then.
        split: Of what serves.
        grown: The grown log.
        new_paths: The new files.

    Raises:
        InputError: If there are no weeks, or nothing is new.
    """
    if Columns.WEEK not in grown.log:
        hint = "map a column to week or timestamp and fit again"
        raise InputError("an update needs weeks", file=grown.file, column=Columns.WEEK, hint=hint)
    new = is_new(grown.log, new_paths)
    week, given = grown.log[Columns.WEEK].astype("int64"), _rows_in(grown) - _rows_in(old)
    equal = _equal(grown) - _equal(old)
    if not new.any():
        why = "equals one that the run has" if equal else "was left out by cleaning"
        what = f"every row of the new log {why}: there is nothing to update"
        raise InputError(what, file=new_paths[0], column="--log", hint="give the rows that have come since")
    first, then = int(week[~new].min()), int(old.log[Columns.WEEK].min())
    if first != then:
        what = f"the new log begins before the old one: what was week {then} is now week {first}"
        warn(what, file=new_paths[0], column=Columns.WEEK)
    trained = int(split.train.frame[Columns.WEEK].max()) + first - then
    shared = np.intersect1d(week[new].unique(), week[~new].unique())
    counts = (given, int(new.sum()), equal, int((~new).sum()))
    ends = (trained, int(week[~new].max()), int(week.max()))
    return Growth(*counts, *ends, tuple(int(one) for one in shared))


def check_gate(growth: Growth, gate_weeks: int) -> None:
    """Raise `InputError` if what serves was trained on weeks of the gate; tell what the new log brings."""
    note(growth.line)
    if growth.last - gate_weeks >= growth.trained_to:
        return
    what = f"what serves was trained on weeks up to {growth.trained_to}, and the log ends with {growth.last}"
    fewer = growth.last - growth.trained_to
    hint = f"give --gate_weeks {fewer}" if fewer > 0 else "give a log that goes on behind them"
    raise InputError(what, column="--gate_weeks", hint=hint)


def _rows_in(raw: RawData) -> int:
    return len(raw.log) + sum(step.removed for step in raw.steps if step.table == "log")


def _equal(raw: RawData) -> int:
    """Count the rows that were left out because they equal earlier ones."""
    steps = [step for step in raw.steps if step.table == "log"]
    return sum(step.removed for step in steps if "Duplicates" in f"{step.entry}{step.rule}")
