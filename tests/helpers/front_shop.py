"""A small shop whose file has names of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd

COLUMNS = {"user_id": "customer", "item_id": "sku", "timestamp": "date"}


def purchases(users=40, items=30, rows=900, seed=0) -> pd.DataFrame:
    """A log with tastes, discounts and odd names of columns."""
    random = np.random.default_rng(seed)
    user = random.integers(users, size=rows)
    item = (random.zipf(1.6, size=rows) % 10 + 10 * (user % 3)) % items
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 200, size=rows), unit="D")
    regular = (item % 7 + 1) * 1.25
    return pd.DataFrame(
        {
            "customer": [f"C{n}" for n in user],
            "sku": [f"{n:03d}" for n in item],
            "date": day.strftime("%Y-%m-%d"),
            "price": np.where(random.random(rows) < 0.3, regular * 0.8, regular).round(2),
            "regular_price": regular,
            "quantity": random.integers(1, 4, size=rows),
        }
    )
