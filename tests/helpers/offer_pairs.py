"""Random pairs of users and items with what decisions need to know of them."""

from __future__ import annotations

import numpy as np
import pandas as pd


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
