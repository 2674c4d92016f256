"""The lists of some users as a table."""

from __future__ import annotations

import pandas as pd
import torch
from rich.progress import track

from graphrec.arrays import IntArray
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
