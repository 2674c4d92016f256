"""A small shop whose ids programs like to change: leading zeros, umlauts, spaces, semicolons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.cli.main import main

USERS = [
    *(f"{i:03d}" for i in range(12)),
    *(f"Müller {i}" for i in range(12)),
    *(f"a; b{i}" for i in range(12)),
]
ITEMS = [
    *(f"00{i}" for i in range(10)),
    *(f"Weißbier {i}" for i in range(10)),
    *(f"x;{i}" for i in range(10)),
]
NEW = [*(f"neu {i}" for i in range(6)), "einer"]
"""People who are in no log that a model is fitted to; the last of them bought one item."""


def bought(users: list[str], seed: int) -> pd.DataFrame:
    """Draw purchases; each person prefers every third item, and every twelfth buys one item only."""
    rng, rows = np.random.default_rng(seed), []
    for place, user in enumerate(users):
        weight = np.where(np.arange(len(ITEMS)) % 3 == place % 3, 6.0, 1.0)
        size = 1 if user == NEW[-1] or place % 12 == 11 else int(rng.integers(4, 13))
        for item in rng.choice(len(ITEMS), size=size, p=weight / weight.sum(), replace=False):
            rows.append((user, ITEMS[item], f"2024-0{rng.integers(1, 7)}-{rng.integers(10, 28)}"))
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])


def item_table() -> pd.DataFrame:
    """Attributes, one of them missing; two items of the catalogue are not in it, and one is not sold."""
    return pd.DataFrame(
        {
            "item_id": [*ITEMS[:-2], "gone"],
            "category": [*(["beer", "wine", "bread"] * 10)[:-2], "beer"],
            "stock": [*(None if i == 6 else i % 4 for i in range(len(ITEMS) - 2)), 9],
        }
    )


def lay_out(models: list[str]) -> dict[str, str]:
    """Write the shop into the current folder and fit models by name.

    Returns:
        Model → its checkpoint.
    """
    bought(USERS, 1).to_csv("log.csv", index=False)
    bought(NEW, 2).to_csv("history.csv", index=False)
    item_table().to_csv("items.csv", index=False)
    for model in models:
        main(["fit", "-m", model, "--data", "log.csv", "--run.name", model, "--run.id", "a"])
    return {model: f"runs/{model}/a/checkpoints/best.ckpt" for model in models}


def listed(checkpoint: str, *words: str) -> pd.DataFrame:
    """Run ``graphrec recommend`` and read what it wrote."""
    main(["recommend", "--ckpt", checkpoint, "--out", "out.parquet", *words])
    return pd.read_parquet(Path("out.parquet"))
