"""Rankings and what they are worth as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import IdMap
from graphrec.evaluation.finite import check_scores
from graphrec.evaluation.measures import HISTORY
from graphrec.evaluation.ranking import UserMetrics
from graphrec.models.base import ItemSet, Ranking


def ranking_frame(rankings: Iterable[Ranking], users: IdMap, items: IdMap) -> pd.DataFrame:
    """Write rankings as ``user_id, item_id, rank, score``; places a user has no item for are left out.

    Raises:
        InputError: If a score is not finite.
    """
    parts: list[dict[str, Any]] = []
    for ranking in rankings:
        kept = (ranking.items >= 0).cpu()
        check_scores(ranking.scores.cpu()[kept])
        rows, ranks = kept.nonzero(as_tuple=True)
        parts.append(
            {
                "user_id": users.ids[ranking.users.cpu()[rows].numpy()],
                "item_id": items.ids[ranking.items.cpu()[kept].numpy()],
                "rank": ranks.numpy() + 1,
                "score": ranking.scores.cpu()[kept].numpy(),
            }
        )
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def users_frame(result: Mapping[ItemSet, UserMetrics], users: IdMap, bought: IntArray) -> pd.DataFrame:
    """Write the measures of each user, a row per user and item set.

    Args:
        result: What was measured on each item set.
        users: Codes of the users.
        bought: Rows of the training part of each user. Shape ``[U]``.

    Returns:
        A column per measure, then ``train_interactions``, ``user_id`` and ``items``.
    """
    parts = []
    for items, metrics in result.items():
        codes = metrics.users.numpy()
        values = {name: value.numpy() for name, value in metrics.values.items()}
        more = {HISTORY: bought[codes], "user_id": users.ids[codes], "items": items}
        parts.append(pd.DataFrame({**values, **more}))
    return pd.concat(parts)
