"""Random pairs of users and items with what decisions need to know of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from graphrec.offers.pairs import Pairs
from graphrec.response.curves import ElasticResponse


def candidate_frame(users: int = 30, items: int = 10, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    count = users * items
    unit = rng.random(count)
    return pd.DataFrame(
        {
            "user_id": np.repeat([f"u{user}" for user in range(users)], items),
            "item_id": np.tile([f"i{item}" for item in range(items)], users),
            "score": 8 * unit - 4,
            "unit_score": unit,
            "probability": 0.3 * unit**3,
            "price": rng.lognormal(1, 0.6, count).round(2) + 0.01,
            "elasticity": np.repeat(rng.uniform(0.8, 2.25, users), items),
            "seen": rng.random(count) < 0.5,
        }
    )


def pairs_with(count: int, **given: Any) -> Pairs:
    """Pairs of one user each, all alike but for what is given."""
    facts: dict[str, Any] = {
        "unit_score": np.full(count, 0.5),
        "price": np.ones(count),
        "seen": np.ones(count, dtype=bool),
        "response": ElasticResponse(np.full(count, 0.1), np.full(count, 1.5)),
        "user": np.arange(count),
        "item": np.zeros(count, dtype=np.int64),
        "affinity": np.zeros(count),
        "max_depth": np.full(count, np.inf),
        "worth": np.zeros(count),
        "cooling": np.zeros(count, dtype=bool),
        "stock": np.full(count, np.inf),
    }
    return Pairs(**{**facts, **given})
