"""The parts of a temporal split of a log in Parquet: pairs come into memory, rows do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.data.engine.backends import Engine
from graphrec.data.engine.large import LargeLog
from graphrec.data.engine.opened import LATER, opened, purchases
from graphrec.data.engine.rows import A_DAY, A_WEEK, ITEM, SECONDS, USER, WEEK, number, seconds
from graphrec.data.interactions import Columns, Interactions
from graphrec.data.splits import Split, Splitter, Temporal
from graphrec.data.splitting import Span
from graphrec.data.time_bounds import bounds
from graphrec.data.weights.edges import EdgeWeights
from graphrec.errors import InputError

if TYPE_CHECKING:
    import ibis.expr.types as ir

_NEXT = {"valid": "train", "test": "valid"}
_TYPES: dict[str, type] = {USER: np.int64, ITEM: np.int64, WEEK: np.float64}
_IDS = {USER: Columns.USER, ITEM: Columns.ITEM}


def check_splitter(split: Splitter) -> Temporal:
    """Take a split that the engine can make.

    Raises:
        InputError: If it is none by time, or asks for what the engine does not do.
    """
    hint = "leave it out, or read the log with the source table"
    if type(split) is not Temporal:
        what = f"a log that no frame holds is split by Temporal alone, not by {type(split).__name__}"
        raise InputError(what, column="split", hint="choose Temporal, or read the log with the source table")
    plain = Temporal()
    for name in ("min_item_users", "min_user_items", "drop_cold_items", "drop_cold_users", "whole_catalogue"):
        if getattr(split, name) != getattr(plain, name):
            what = "this option does not hold for a log that no frame holds"
            raise InputError(what, column=f"split.{name}", hint=hint)
    return split


@dataclass(frozen=True)
class LargeParts:
    """A log that is cut by time.

    Args:
        log: Its training part.
        split: All three parts, in codes.
    """

    log: LargeLog
    split: Split

    @classmethod
    def read(
        cls,
        path: str,
        columns: Mapping[str, str | None],
        splitter: Temporal,
        weights: EdgeWeights | None,
        engine: Engine,
        refit: bool,
    ) -> LargeParts:
        """Open a log, count its rows and cut it; see `LargeLog.read`.

        Args:
            path: A file, a folder or a pattern.
            columns: Our name → the file's name.
            splitter: How it is cut.
            weights: Of the edges.
            engine: Where it is computed.
            refit: Train on validation too.

        Raises:
            InputError: If a file, a column, a value or a bound cannot be used.
        """
        told = purchases(with_weeks(opened(path, columns, engine), engine))
        if splitter.column not in told.columns:
            hint = f"map a column to {splitter.column}"
            raise InputError(
                "a temporal split needs this column", file=path, column=splitter.column, hint=hint
            )
        time = number(told, WEEK) if splitter.column == WEEK else seconds(told)
        ends = _ends(told, time, splitter, engine, path)
        last = ends["valid" if refit else "train"]
        later = told.mutate(why=told.why.coalesce((time > last).ifelse(LATER, None)))
        log = LargeLog.of(later, weights, engine, path)
        found: dict[str, Interactions] = {}
        dropped: dict[str, int] = {}
        cold: dict[str, int] = {}
        for part, before in _NEXT.items():
            between = told.why.isnull() & (time > ends[before]) & (time <= ends[part])
            rows = told.filter(between & (not refit or part == "test"))
            found[part], lost, cold[part] = _known(rows.drop("why"), part, log)
            dropped |= lost
        span = Span(splitter.column, *(_moment(ends[part], splitter) for part in ("train", "valid")))
        split = Split(_weekly(log), found["valid"], found["test"], dropped, cold, None if refit else span)
        return cls(log, split)


def with_weeks(log: ir.Table, engine: Engine) -> ir.Table:
    """Give a log with times its weeks, 1 + whole weeks since the day of its first purchase."""
    if WEEK in log.columns or Columns.TIMESTAMP not in log.columns:
        return log
    told = purchases(log)
    kept = told.filter(told.why.isnull())
    first = engine.fetched(kept.aggregate(first=seconds(kept).min())).column("first")[0].as_py()
    if first is None:
        return log
    day = first // A_DAY * A_DAY
    return log.mutate(**{WEEK: 1 + ((seconds(log) - float(day)) / float(A_WEEK)).floor().cast("int64")})


def _ends(told: ir.Table, time: ir.Value, splitter: Temporal, engine: Engine, file: str) -> dict[str, float]:
    """Find the last week, or the last second, of each part."""
    kept = told.mutate(time=time).filter(told.why.isnull())
    said = engine.fetched(kept.aggregate(first=kept.time.min(), last=kept.time.max())).to_pylist()[0]
    given = {"train": splitter.train_end, "valid": splitter.val_end, "test": splitter.test_end}
    both = pd.Series([said["first"], said["last"]], dtype="float64")
    if splitter.column == WEEK:
        return {part: float(end) for part, end in bounds(given, both, file).items()}
    ends = bounds(given, pd.to_datetime(both, unit="s"), file)
    return {part: end.timestamp() for part, end in ends.items()}


def _moment(end: float, splitter: Temporal) -> Any:
    return end if splitter.column == WEEK else pd.Timestamp(end, unit="s")


def _known(rows: ir.Table, part: str, log: LargeLog) -> tuple[Interactions, dict[str, int], int]:
    """Bring the pairs of a later part that training knows into memory, and count the others.

    Returns:
        The pairs; rows that are left out by reason; pairs whose item training does not know.
    """
    engine, codes = log.engine, log.facts.codes
    assert codes is not None
    marks = None if log.weights is None else log.weights.targets_in(rows)
    dropped: dict[str, int] = {}
    if marks is not None:
        others = rows.filter(~marks).count()
        dropped[f"{part}: rows of other events"] = int(engine.backend.execute(others))
        rows = rows.filter(marks)
    pairs = rows.group_by(*_IDS.values(), WEEK).aggregate(rows=rows.count())
    for side, column in _IDS.items():
        own = codes[side].rename({"own": "id", side: "code"})
        pairs = pairs.left_join(own, pairs[column] == own["own"]).drop("own")
    pairs = engine.kept(pairs)
    no_item, no_user = pairs[ITEM].isnull(), pairs[USER].isnull()
    counts = pairs.group_by(no_item=no_item, no_user=no_user).aggregate(rows=pairs["rows"].sum())
    lost = engine.fetched(counts).to_pylist()
    dropped |= {
        f"{part}: items unknown in train": sum(int(one["rows"]) for one in lost if one["no_item"]),
        f"{part}: users unknown in train": sum(
            int(one["rows"]) for one in lost if one["no_user"] and not one["no_item"]
        ),
    }
    cold = pairs.filter(no_item).select(*_IDS.values()).distinct().count()
    known = engine.kept(pairs.filter(~no_item & ~no_user).select(USER, ITEM, WEEK))
    frame = pd.DataFrame(engine.arrays(known.order_by(USER, ITEM, WEEK), _TYPES)).astype(np.int64)
    return Interactions(frame, log.users, log.items), dropped, int(engine.backend.execute(cold))


def _weekly(log: LargeLog) -> Interactions:
    """Make the training part of one row for each user, item and week, with the last time of it."""
    found = _arrays(log, log.rows)
    frame = pd.DataFrame({USER: found[USER], ITEM: found[ITEM], WEEK: found[WEEK].astype(np.int64)})
    if SECONDS in found:
        frame[Columns.TIMESTAMP] = pd.to_datetime(found[SECONDS], unit="s")
    if log.rows is not log.facts.rows:
        bought = _arrays(log, log.facts.rows)
        frame[Columns.TARGET] = np.isin(_keys(found, log), _keys(bought, log))
    train = Interactions(frame, log.users, log.items)
    weight = log.edges().weight
    return train if weight is None else replace(train, edge_weight=weight)


def _arrays(log: LargeLog, rows: ir.Table) -> dict[str, Any]:
    made = {SECONDS: rows[SECONDS].max()} if SECONDS in rows.columns else {}
    weekly = rows.group_by(USER, ITEM, WEEK).aggregate(rows=rows.count(), **made).drop("rows")
    types = _TYPES | dict.fromkeys(made, np.float64)
    kept = log.engine.kept(log.facts.coded(weekly))
    return log.engine.arrays(kept.order_by(USER, ITEM, WEEK), types)


def _keys(found: Mapping[str, Any], log: LargeLog) -> Any:
    """Make one number of each user, item and week."""
    weeks = found[WEEK].astype(np.int64)
    return (found[USER] * len(log.items) + found[ITEM]) * 100_000 + weeks
