"""What the shop knows of its items: cost, who pays a discount, the deepest rate, the least margin, stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.places.given import place_of
from graphrec.data.tables.kinds import COST, FUNDED_SHARE, KINDS, MARGIN, MAX_RATE, MIN_MARGIN, STOCK
from graphrec.data.tables.read import TextFormat, load_table
from graphrec.data.tables.sheets import SheetRows, open_sheets
from graphrec.data.week_numbers import check_weeks
from graphrec.errors import InputError
from graphrec.offers.economics import Economics, Money, PairEconomics
from graphrec.offers.limits.guardrails import Guardrails

FACTS = (COST, MARGIN, FUNDED_SHARE, MAX_RATE, MIN_MARGIN)
TOLD = (*FACTS, STOCK)
"""What a table may tell."""
_BELOW_1 = (MARGIN, MAX_RATE, MIN_MARGIN)


@dataclass(frozen=True)
class FactsTable:
    """Facts as a file has them, before it is known of which items of the log.

    Args:
        file: Where they stand.
        frame: Columns of `TOLD`, perhaps ``week``, and of what they are: ``item_id``, or attributes.
        rows: Where each row stands.
    """

    file: str | Path
    frame: pd.DataFrame
    rows: SheetRows

    @property
    def told(self) -> list[str]:
        """What it tells."""
        return [name for name in TOLD if name in self.frame]

    def refusal(self, row: int, column: str, what: str, hint: str) -> InputError:
        """Make the message for a row, counted from 0."""
        file, line = self.rows.place(row)
        return InputError(what, file=file, row=line, column=column, hint=hint)


def read_facts(
    paths: Sequence[str | Path],
    columns: Mapping[str, str | None] | None = None,
    text: TextFormat | None = None,
) -> list[FactsTable]:
    """Read several tables of facts; a mapping holds for those that have its column.

    Args:
        paths: The tables; see `graphrec.data.tables.read.read_table`, also for the other arguments.
        columns: Our name → the file's name. A name of none of our columns is an attribute of the items.
        text: How to read text files.

    Raises:
        InputError: If one cannot be used, or none has a column that is mapped to a fact.
    """
    columns = columns or {}
    headers = [_header(path, text) for path in paths]
    for ours, theirs in columns.items():
        own = ours in FACTS or ours not in {name for kind in KINDS.values() for name in kind.known}
        if own and theirs is not None and not any(theirs in header for header in headers):
            hint = f"it has {', '.join(headers[0])}" if len(paths) == 1 else "look at the headers"
            raise InputError("this column is missing", file=paths[0], column=theirs, hint=hint)
    return [
        read_item_facts(path, {ours: to for ours, to in columns.items() if to is None or to in header}, text)
        for path, header in zip(paths, headers, strict=True)
    ]


def _header(path: str | Path, text: TextFormat | None) -> tuple[str, ...]:
    return open_sheets(place_of(path), text or TextFormat())[0].header


def read_item_facts(
    path: str | Path, columns: Mapping[str, str | None] | None = None, text: TextFormat | None = None
) -> FactsTable:
    """Read facts by ``item_id`` or an attribute of the items, and perhaps by ``week``; one of `TOLD` or more.

    Args:
        path: The table; see `graphrec.data.tables.read.read_table`, also for the other arguments.
        columns: Our name → the file's name.
        text: How to read a text file.

    Raises:
        InputError: If it has none of the facts, both cost and margin, or a share that is none.
    """
    known, columns = KINDS["item_facts"].known, columns or {}
    table = load_table(
        path, {ours: to for ours, to in columns.items() if ours in known}, kind="item_facts", text=text
    )
    named = {to: ours for ours, to in columns.items() if ours not in known and to in table.frame}
    left = [ours for ours, to in columns.items() if to is None and ours not in known]
    frame = table.frame.drop(columns=left, errors="ignore").rename(columns=named)
    found = FactsTable(path, frame, table.rows)
    given = found.told
    if not given:
        raise InputError("holds no fact", file=path, hint=f"give one of {', '.join(TOLD)}, or map it")
    if found.frame[given].isna().all(axis=None):
        raise InputError(f"tells nothing: every {given[0]} is missing", file=path, hint="fill one in")
    if {COST, MARGIN} <= set(given):
        hint = "leave one out: margin= after --columns"
        raise InputError("cost and margin are given, and each tells the other", file=path, hint=hint)
    for name in (name for name in _BELOW_1 if name in given):
        wrong = np.flatnonzero((found.frame[name] >= 1).to_numpy())
        if len(wrong):
            what = f"{found.frame[name].iloc[wrong[0]]:g} is not below 1"
            raise found.refusal(int(wrong[0]), name, what, "give a share, as 0.3 for 30 %")
    if Columns.WEEK in found.frame:
        check_weeks(found.frame[Columns.WEEK].dropna(), path)
    return found


def of_items(frame: pd.DataFrame, assumed: Economics, limits: Guardrails) -> tuple[Money, Guardrails]:
    """Put the facts of items in the place of what is assumed and allowed for all.

    Args:
        frame: Candidates with ``price`` (regular, money per unit) and, where they are known, columns of
            `FACTS`. ``P`` rows.
        assumed: Margin and funding of items of which the shop tells none.
        limits: What is allowed on items of which the shop tells nothing. A rate of an item may lie below that
            for all, never above.
    """
    known = {name: frame[name].to_numpy(dtype=np.float64) for name in FACTS if name in frame}
    if not known:
        return assumed, limits
    funded = known.get(FUNDED_SHARE, np.full(len(frame), np.nan))
    money = PairEconomics(margins(frame, assumed), np.where(np.isnan(funded), assumed.funded_share, funded))
    if MAX_RATE in known:
        limits = replace(limits, max_rate=np.fmin(known[MAX_RATE], limits.max_rate))
    if MIN_MARGIN in known:
        own = np.where(np.isnan(known[MIN_MARGIN]), limits.floor(money), known[MIN_MARGIN])
        limits = replace(limits, min_margin=own, salvage=None)
    return money, limits


def margins(frame: pd.DataFrame, assumed: Economics) -> FloatArray:
    """Find the margin at the regular price: of the cost, as it is given, or assumed. Shape ``[P]``.

    Args:
        frame: Rows with ``price`` and, where they are known, ``cost`` or ``margin``; where weeks of one
            period tell both, the lower margin holds. ``P`` rows.
        assumed: The margin of rows of which neither is known.
    """
    found = np.full(len(frame), np.nan)
    if COST in frame:
        found = (1.0 - frame[COST] / frame["price"]).to_numpy(dtype=np.float64)
    if MARGIN in frame:
        found = np.fmin(found, frame[MARGIN].to_numpy(dtype=np.float64))
    return np.where(np.isnan(found), assumed.margin, found)
