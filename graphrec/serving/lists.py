"""The lists of some users as a table."""

from __future__ import annotations

import pandas as pd
import torch
from rich.progress import track

from graphrec.arrays import IntArray
from graphrec.data.choice.known import counted
from graphrec.data.interactions import IdMap
from graphrec.evaluation.frames import ranking_frame
from graphrec.models.base import ItemSet, Recommender


def recommendations(
    recommender: Recommender,
    users: IdMap,
    items: IdMap,
    codes: IntArray,
    k: int,
    item_set: ItemSet,
    batch_size: int = 512,
) -> pd.DataFrame:
    """Rank a row per user and place: ``user_id, item_id, rank, score``."""
    device = recommender.graph.edge_user.device
    batches = track(torch.split(torch.from_numpy(codes), batch_size), "Ranking", transient=True)
    rankings = [recommender.recommend(batch.to(device), k, item_set) for batch in batches]
    return ranking_frame(rankings, users, items)


def fewer(owners: pd.Series[str], asked: int, k: int, what: str, who: str) -> str:
    """Say how many lists are shorter than was asked for; nothing if none is.

    Args:
        owners: Whose each row of the lists is.
        asked: For how many there should be a list.
        k: Rows asked for.
        what: The rows, in words.
        who: One of those that have lists.
    """
    sizes = owners.value_counts()
    if not (short := asked - int((sizes >= k).sum())):
        return ""
    none = f" ({asked - len(sizes):,} of them none)" if asked > len(sizes) else ""
    return f"fewer than {k:,} {what} for {short:,} of {counted(asked, who)}{none}"
