"""What the shop knows of its items: cost, who pays a discount, the deepest rate, the least margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.tables.kinds import COST, FUNDED_SHARE, MARGIN, MAX_RATE, MIN_MARGIN
from graphrec.data.tables.read import TextFormat, load_table
from graphrec.errors import InputError
from graphrec.offers.economics import Economics, Money, PairEconomics
from graphrec.offers.limits.guardrails import Guardrails

FACTS = (COST, MARGIN, FUNDED_SHARE, MAX_RATE, MIN_MARGIN)
_BELOW_1 = (MARGIN, MAX_RATE, MIN_MARGIN)


def read_item_facts(
    path: Path, columns: Mapping[str, str | None] | None = None, text: TextFormat | None = None
) -> pd.DataFrame:
    """Read facts by ``item_id``: a row per item, with one of `FACTS` or more. A value may be missing.

    Args:
        path: The table; see `graphrec.data.tables.read.read_table`, also for the other arguments.
        columns: Our name → the file's name.
        text: How to read a text file.

    Raises:
        InputError: If it has none of the facts, both cost and margin, or a share that is none.
    """
    table = load_table(path, columns, kind="item_facts", text=text)
    given = [name for name in FACTS if name in table.frame]
    if not given:
        raise InputError("holds no fact", file=path, hint=f"give one of {', '.join(FACTS)}, or map it")
    if {COST, MARGIN} <= set(given):
        hint = "leave one out: margin= after --columns"
        raise InputError("cost and margin are given, and each tells the other", file=path, hint=hint)
    for name in (name for name in _BELOW_1 if name in given):
        wrong = np.flatnonzero((table.frame[name] >= 1).to_numpy())
        if len(wrong):
            file, row = table.rows.place(int(wrong[0]))
            value = table.frame[name].iloc[wrong[0]]
            hint = "give a share, as 0.3 for 30 %"
            raise InputError(f"{value:g} is not below 1", file=file, row=row, column=name, hint=hint)
    return table.frame.set_index(Columns.ITEM)[given]


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
        frame: Rows with ``price`` and, where they are known, ``cost`` or ``margin``. ``P`` rows.
        assumed: The margin of rows of which neither is known.
    """
    if COST in frame:
        found = 1.0 - frame[COST] / frame["price"]
    elif MARGIN in frame:
        found = frame[MARGIN]
    else:
        return np.full(len(frame), assumed.margin)
    return found.fillna(assumed.margin).to_numpy(dtype=np.float64)
