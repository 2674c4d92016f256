"""Link scores of given pairs from graphs that grow week by week."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from rich.progress import track

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.errors import check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models.base import ClosedForm
from graphrec.response.visits import Visits

USERS_AT_A_TIME = 256


def link_scores(
    log: pd.DataFrame, visits: Visits, recommender: ClosedForm, every: int = 4, min_item_users: int = 5
) -> FloatArray:
    """Compute raw scores of the pairs of `visits`, in each week by a graph of earlier weeks alone.

    Args:
        log: Rows with ``user_id``, ``item_id`` and ``week``.
        visits: The pairs; scores start with the week after its history.
        recommender: Fitted anew to each graph.
        every: Weeks between two graphs.
        min_item_users: Items with fewer users up to then are left out, unless they are in a pair.

    Returns:
        Shape ``[P, W]``; 0 in the weeks of the history.
    """
    check_at_least(1, every=every)
    scores = np.zeros(visits.bought.shape)
    starts = range(visits.history_end, visits.weeks, every)
    for start in track(starts, "Link scores", transient=True):
        past = log[log[Columns.WEEK] <= start]
        users = past.groupby(Columns.ITEM)[Columns.USER].nunique()
        kept = np.union1d(users.index[users >= min_item_users], visits.items.ids)
        train = Interactions.encode(past, visits.users, IdMap(kept))
        recommender.fit(BipartiteGraph(train))
        scores[:, start : start + every] = _scores(recommender, visits, train.items)[:, None]
    return scores


@torch.no_grad()
def _scores(recommender: ClosedForm, visits: Visits, items: IdMap) -> FloatArray:
    """Score whole catalogues, some users at a time, and keep the pairs'. Shape ``[P]``."""
    item, scores = items.codes(visits.items.ids)[visits.item], np.empty(len(visits.user))
    for start in range(0, len(visits.users), USERS_AT_A_TIME):
        stop = min(start + USERS_AT_A_TIME, len(visits.users))
        mine = np.flatnonzero((visits.user >= start) & (visits.user < stop))
        table = recommender.score(torch.arange(start, stop)).cpu().numpy()
        scores[mine] = table[visits.user[mine] - start, item[mine]]
    return scores
