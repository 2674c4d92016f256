"""What became of the rows: one line after reading a log and one after splitting it; `strict` forbids a loss.

A loss is a row that was given and is not used, unless an option asked for that: a `min_rating`, a
`test_end`, a `min_item_users`, or the source ``complete_journey``, which knows what fuel is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd

from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.interactions import Columns, RawData
from graphrec.data.splitting import ASKED, Split, Splitter
from graphrec.data.tables.files import some
from graphrec.errors import InputError
from graphrec.notices import note, warn

CLEANING = "cleaning.csv"
"""File of a run with `rows_lost`."""
EXAMPLES = "examples"
"""Column of rows as they stand in the file; it stays in the folder of a run."""


def report_reading(raw: RawData) -> None:
    """Print how many rows were read and used, and what a reader should know of them."""
    for line in (reading_line(raw), *cleaning_lines(raw)):
        note(line)
    for hint in raw.hints:
        warn(hint, file=raw.file or raw.name)


def refuse_loss(raw: RawData, split: Split | None = None) -> None:
    """Raise `InputError` if rows were lost by reading a log or by splitting it."""
    steps = [step for step in raw.steps if step.table == "log" and not step.asked]
    lost = _counts(steps, "removed")
    if split is not None:
        lost |= {why: rows for why, rows in split.dropped.items() if why not in ASKED}
    if rows := sum(lost.values()):
        what = f"{rows:,} row{'s' if rows > 1 else ''} would be lost: {_listed(lost)}"
        entries = dict.fromkeys(step.entry for step in steps if step.entry and step.removed)
        declare = f", declare it (cleaning: [{', '.join(entries)}])" if entries else ""
        hint = f"fix the log{declare}, or leave --strict out"
        raise InputError(what, file=raw.file or raw.name, column="--strict", hint=hint)


def reading_line(raw: RawData) -> str:
    """Write rows in, rows out, why, which values were changed, and the span of time."""
    steps = [step for step in raw.steps if step.table == "log"]
    rows = len(raw.log) + sum(step.removed for step in steps)
    lost, changed = _listed(_counts(steps, "removed")), _listed(_counts(steps, "filled"))
    line = f"{_files(raw)}: {rows:,} rows in, {len(raw.log):,} out{f' ({lost})' if lost else ''}"
    return f"{line}{f'; values changed: {changed}' if changed else ''}; {span(raw.log)}"


def cleaning_lines(raw: RawData) -> list[str]:
    """Write what each declared step of cleaning did, with examples; a line for a step that found nothing."""
    return [f"cleaning, {step.rule}: {_done(step)}" for step in raw.steps if step.rule]


def _done(step: CleaningStep) -> str:
    done = (
        [f"{step.removed:,} of {step.rows_before:,} rows removed"] if step.removed or not step.filled else []
    )
    done += [f"{step.filled:,} values changed in {step.rows_before:,} rows"] if step.filled else []
    return "; ".join([f"{', '.join(done)}: {step.step}", *step.examples])


def without_rows(left_out: pd.DataFrame) -> pd.DataFrame:
    """Leave the examples out, where a table leaves this machine."""
    return left_out.drop(columns=EXAMPLES)


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
        "removed": _listed(_counts(steps, "removed")),
        "changed": _listed(_counts(steps, "filled")),
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
        ``filled`` (numbers of values) and ``asked``, whether an option asked for it. ``rule`` is the entry of
        ``cleaning:`` that asked, ``examples`` are rows with their lines.
    """
    rows = [
        (*(one.table, one.step, one.rows_before, one.removed, one.filled, one.asked),
         *(one.rule, "; ".join(one.examples)))
        for one in raw.steps
    ]  # fmt: skip
    rows += [("split", why, len(raw.log), count, 0, why in ASKED, "", "") for why, count in dropped.items()]
    names = ["table", "step", "rows_before", "removed", "filled", "asked", "rule", EXAMPLES]
    return pd.DataFrame(rows, columns=names)


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


def _counts(steps: Iterable[CleaningStep], of: Literal["removed", "filled"]) -> dict[str, int]:
    """Sum what the steps of one name did: a declared one and the usual one may be called the same."""
    counts: dict[str, int] = {}
    for step in steps:
        counts[step.step] = counts.get(step.step, 0) + getattr(step, of)
    return counts


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {why}" for why, count in counts.items() if count)
