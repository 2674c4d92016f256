"""Rankings and what they are worth as tables and as flat numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from graphrec.data.interactions import IdMap
from graphrec.evaluation.finite import check_scores
from graphrec.evaluation.ranking import UserMetrics, metric_names
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


def users_frame(result: Mapping[ItemSet, UserMetrics], users: IdMap, facts: pd.DataFrame) -> pd.DataFrame:
    """Write the measures of each user, a row per user and item set.

    Args:
        result: What was measured on each item set.
        users: Codes of the users.
        facts: What else is known of each user, a row per code; see `user_facts`.

    Returns:
        A column per measure, then those of `facts`, ``user_id`` and ``items``.
    """
    parts = []
    for items, metrics in result.items():
        codes = metrics.users.numpy()
        values = pd.DataFrame({name: value.numpy() for name, value in metrics.values.items()})
        known = facts.iloc[codes].reset_index(drop=True)
        ids = pd.DataFrame({"user_id": users.ids[codes], "items": items})
        parts.append(pd.concat([values, known, ids], axis="columns"))
    return pd.concat(parts, ignore_index=True)


def with_intervals(prefix: str, metrics: dict[ItemSet, UserMetrics]) -> dict[str, float]:
    """Add to `metric_names` the bounds (``_low``, ``_high``) and how many users each item set has."""
    flat = metric_names(prefix, metrics)
    for items, values in metrics.items():
        for name, measured in (values.measured() if len(values.users) else {}).items():
            flat[f"{prefix}_{name}_{items}_low"] = measured.low
            flat[f"{prefix}_{name}_{items}_high"] = measured.high
        flat[f"{prefix}_users_{items}"] = float(len(values.users))
    return flat
