"""A small shop whose log has views, carts, purchases and returns, ratings, quantities and prices."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = {"user_id": "customer", "item_id": "sku", "event": "what", "rating": "stars", "quantity": "pieces"}
WEIGHTS: dict[str, Any] = {
    "rows": [
        {
            "class_path": "Event",
            "init_args": {"weights": {"view": 0.2, "cart": 0.5, "purchase": 1.0, "return": 0.0}},
        },
        {"class_path": "Rating", "init_args": {"scale": 0.2, "missing": 0.6}},
        {"class_path": "Recency", "init_args": {"half_life": 6}},
    ]
}


def event_log(rows: int = 1500, seed: int = 0) -> pd.DataFrame:
    """30 users with odd ids and 20 items; what a user likes is of one of two kinds."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(30, size=rows), rng.integers(20, size=rows)
    liked = (user + item) % 2 == 0
    kept = liked | (rng.random(rows) < 0.3)
    log = pd.DataFrame(
        {
            "customer": [f"K-{code:03d}/ä" for code in user],
            "sku": [f"00{code}#" for code in item],
            "week": rng.integers(1, 21, size=rows),
            "what": rng.choice(["view", "cart", "purchase", "return"], size=rows, p=[0.4, 0.1, 0.45, 0.05]),
            "stars": np.where(liked, rng.integers(3, 6, size=rows), rng.integers(1, 4, size=rows)),
            "pieces": rng.integers(1, 4, size=rows),
            "price": 1.0 + item % 5,
        }
    )
    return log[kept].drop_duplicates().sort_values("week", kind="stable", ignore_index=True)


def event_config(model: dict[str, Any]) -> dict[str, Any]:
    """A configuration that fits it in a second, from log.csv."""
    source = {"path": "log.csv", "columns": COLUMNS}
    return {
        "run": {"name": "events", "root": "runs", "id": "a"},
        "trainer": {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False},
        "data": {
            "class_path": "RecommenderData",
            "init_args": {
                "source": {"class_path": "graphrec.data.sources.table", "init_args": source},
                "split": {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17}},
                "item_sets": ["all", "new"],
                "weights": copy.deepcopy(WEIGHTS),
            },
        },
        "model": model,
    }


def closed(name: str, **arguments: Any) -> dict[str, Any]:
    """A closed form as the key ``model``."""
    recommender = {"class_path": name, "init_args": arguments}
    return {"class_path": "ClosedFormTask", "init_args": {"recommender": recommender}}


def trained(name: str, **arguments: Any) -> dict[str, Any]:
    """An encoder with the training of the defaults as the key ``model``."""
    encoder = {"class_path": name, "init_args": arguments}
    return {"class_path": "RankingTask", "init_args": {"encoder": encoder, "negatives": 16}}
