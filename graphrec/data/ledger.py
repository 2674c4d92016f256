"""What became of the rows: one line after reading a log and one after splitting it; `strict` forbids a loss.

A loss is a row that was given and is not used, unless an option asked for that: a `min_rating`, a
`test_end`, a `min_item_users`, or the source ``complete_journey``, which knows what fuel is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from graphrec.data.interactions import Columns, RawData
from graphrec.data.splitting import ASKED, Split, Splitter
from graphrec.data.tables.files import some
from graphrec.errors import InputError
from graphrec.notices import note, warn


def report_reading(raw: RawData) -> None:
    """Print how many rows were read and used, and what a reader should know of them."""
    note(reading_line(raw))
    for hint in raw.hints:
        warn(hint, file=raw.file or raw.name)


def refuse_loss(raw: RawData, split: Split | None = None) -> None:
    """Raise `InputError` if rows were lost by reading a log or by splitting it."""
    steps = [step for step in raw.steps if step.table == "log" and not step.asked]
    lost = {step.step: step.removed for step in steps}
    if split is not None:
        lost |= {why: rows for why, rows in split.dropped.items() if why not in ASKED}
    if rows := sum(lost.values()):
        what = f"{rows:,} row{'s' if rows > 1 else ''} would be lost: {_listed(lost)}"
        hint = "fix the log, or leave --strict out"
        raise InputError(what, file=raw.file or raw.name, column="--strict", hint=hint)


def reading_line(raw: RawData) -> str:
    """Write rows in, rows out, why, which values were changed, and the span of time."""
    steps = [step for step in raw.steps if step.table == "log"]
    rows = len(raw.log) + sum(step.removed for step in steps)
    lost = _listed({step.step: step.removed for step in steps})
    changed = _listed({step.step: step.filled for step in steps})
    line = f"{_files(raw)}: {rows:,} rows in, {len(raw.log):,} out{f' ({lost})' if lost else ''}"
    return f"{line}{f'; values changed: {changed}' if changed else ''}; {span(raw.log)}"


def split_line(split: Split, splitter: Splitter, log: pd.DataFrame) -> str:
    """Write the rows of the parts, and of none of them."""
    parts = {"training": split.train, "validation": split.val, "test": split.test}
    counts = ", ".join(f"{len(part) or 'no'} {name} rows" for name, part in parts.items())
    lost = _listed(split.dropped)
    order = splitter.order(log)
    line = f"split {type(splitter).__name__}{f' by {order}' if order else ''}: {len(log):,} rows in, {counts}"
    return f"{line}{f'; not used: {lost}' if lost else ''}"


def cold_line(split: Split) -> str:
    """Say how many test pairs were left out because training does not know their item; nothing of none."""
    if not (lost := split.cold.get("test", 0)):
        return ""
    whole = lost + len(split.test.pairs())
    return (
        f"{lost:,} of {whole:,} test pairs are left out, because training does not know their items: figures"
        " are not comparable with those of all pairs; whole_catalogue: true keeps them"
    )


def events_line(log: pd.DataFrame, split: Split) -> str:
    """Say that every event counts as a purchase where nothing tells them apart; nothing where one does."""
    if Columns.EVENT not in log or Columns.TARGET in split.train.frame:
        return ""
    names = some(sorted(log[Columns.EVENT].dropna().astype("str").unique()), 6)
    mend = "Event in data.weights tells them apart"
    return f"every row counts as a purchase, whatever its event ({names}); {mend}"


def data_card(raw: RawData, split: Split, splitter: str, edges: int) -> dict[str, Any]:
    """Count what a run was trained and judged on, for whoever reads about it later.

    Args:
        raw: What the source returned.
        split: Its parts.
        splitter: Name of the class that cut them.
        edges: Distinct pairs of user and item in the training part.
    """
    steps = [step for step in raw.steps if step.table == "log"]
    users, items = len(split.users), len(split.items)
    return {
        "rows_in": len(raw.log) + sum(step.removed for step in steps),
        "rows": len(raw.log),
        "removed": _listed({step.step: step.removed for step in steps}),
        "changed": _listed({step.step: step.filled for step in steps}),
        "span": span(raw.log),
        "split": splitter,
        "train": len(split.train),
        "validation": len(split.val),
        "test": len(split.test),
        "not_used": _listed(split.dropped),
        "users": users,
        "items": items,
        "pairs": edges,
        "density": edges / (users * items) if users * items else 0.0,
    }


def rows_lost(raw: RawData, dropped: Mapping[str, int]) -> pd.DataFrame:
    """List the rows that are not used and the values that were changed, by reason.

    Args:
        raw: With its steps of cleaning.
        dropped: Rows that a split left out, by reason.

    Returns:
        ``table`` (``log``, ``users``, ``items`` or ``split``), ``step``, ``rows_before``, ``removed``,
        ``filled`` (numbers of values) and ``asked``, whether an option asked for it.
    """
    rows = [(one.table, one.step, one.rows_before, one.removed, one.filled, one.asked) for one in raw.steps]
    rows += [("split", why, len(raw.log), count, 0, why in ASKED) for why, count in dropped.items()]
    return pd.DataFrame(rows, columns=["table", "step", "rows_before", "removed", "filled", "asked"])


def span(log: pd.DataFrame) -> str:
    """Write first and last time and week of a log."""
    said = []
    if Columns.TIMESTAMP in log:
        written = log.attrs.get("times")
        first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in _ends(log[Columns.TIMESTAMP]))
        said.append(f"{first} to {last}{f' ({written})' if written else ''}")
    if Columns.WEEK in log:
        first, last = (f"{week:.0f}" for week in _ends(log[Columns.WEEK]))
        said.append(f"weeks {first} to {last}")
    return ", ".join(said) or "no times"


def _ends(values: pd.Series[Any]) -> tuple[Any, Any]:
    return values.min(), values.max()


def _files(raw: RawData) -> str:
    more = [str(raw.log.attrs[part]) for part in ("valid", "test") if part in raw.log.attrs]
    return " and ".join([raw.file or raw.name, *more])


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {why}" for why, count in counts.items() if count)
