"""What users have to do with the levels of item attributes: how much, how lately, with which trend."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from graphrec.data.engine import facts
from graphrec.data.engine.rows import ITEM, USER
from graphrec.data.features.encoding import Attributes, Block
from graphrec.data.features.log import LogFacts


def taste(log: LogFacts, items: Attributes, of: Literal["share", "closeness", "trend"], group: str) -> Block:
    """Compute one fact of each user and level; see `graphrec.data.engine.facts.tastes`.

    Args:
        log: The facts of the log.
        items: Levels of the items.
        of: Which fact; all but the share need weeks.
        group: Name of the group.

    Returns:
        0 where a user has no row on a level. Shape ``[U, levels]``; no column where the log lacks weeks.
    """
    if of != "share" and log.span.last is None:
        return Block.of(group, {}, log.users)
    member = items.member.tocoo()
    pairs = {ITEM: member.row.astype(np.int64), "level": member.col.astype(np.int64)}
    found = log.engine.fetched(
        facts.tastes(log.edges, log.engine.table(pa.table(pairs)), log.span.last).select(USER, "level", of)
    )
    values = np.zeros((log.users, len(items.levels)), dtype=np.float32)
    user, level = (found.column(name).to_numpy() for name in (USER, "level"))
    values[user, level] = found.column(of).to_numpy()
    return Block([f"{group}:{name}" for name in items.levels], values)
