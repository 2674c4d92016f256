"""Rankings as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from graphrec.data.interactions import IdMap
from graphrec.evaluation.finite import check_scores
from graphrec.models.base import Ranking


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
