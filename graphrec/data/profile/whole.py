"""Everything that a page on a log shows, as frames: nothing of it is drawn here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from graphrec.data.interactions import Columns, RawData
from graphrec.data.profile.advice import ModelAdvice, SplitAdvice, models_for, split_for
from graphrec.data.profile.attributes import leaking
from graphrec.data.profile.coded import CodedLog
from graphrec.data.profile.traps import Trap, parts_of, traps_of


@dataclass(frozen=True)
class Profile:
    """A log and what was found in it.

    Args:
        raw: What the source returned.
        log: The same log, coded.
        tables: ``users`` and ``items`` as they were read, where there are any.
        split: The split that suits.
        parts: Rows of each part under it; empty where it cannot be cut.
        models: The models to begin with.
        traps: What may mislead, leakage first.
    """

    raw: RawData
    log: CodedLog
    tables: Mapping[str, pd.DataFrame]
    split: SplitAdvice
    parts: Mapping[str, int]
    models: ModelAdvice
    traps: list[Trap]


def profile(raw: RawData, tables: Mapping[str, pd.DataFrame] | None = None) -> Profile:
    """Measure a log.

    Args:
        raw: What a source returned.
        tables: Attributes as they stand in their files, also of ids without a row; those of `raw` if missing.
    """
    log = CodedLog.of(raw.log)
    own = {"users": raw.users, "items": raw.items}
    named = {name: table for name, table in own.items() if table is not None} | dict(tables or {})
    split = split_for(log)
    part = parts_of(log, split.splitter)
    keys = {"users": Columns.USER, "items": Columns.ITEM}
    found = traps_of(log, part)
    found += [trap for name, table in named.items() for trap in leaking(log, table, keys[name])]
    found += [Trap("caution", "told by the reader", hint, "see `graphrec data check`") for hint in raw.hints]
    counts = {} if part is None else {name: int((part == name).sum()) for name in ("train", "valid", "test")}
    ordered = sorted(found, key=lambda trap: trap.kind != "leakage")
    return Profile(raw, log, named, split, counts, models_for(raw, log), ordered)
