"""A shop with odd ids whose log grows week by week, and runs on its first weeks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from graphrec.cli.main import main

USERS, ITEMS, OLD, WEEKS = 90, 36, 16, 19
COLUMNS = {"user_id": "Kunde", "item_id": "Artikel", "timestamp": "day", "price": "paid"}
START = pd.Timestamp("2024-02-05")


def purchases() -> pd.DataFrame:
    """Three tastes; a tenth of the people and two items appear in the last weeks only. Ids are odd."""
    rng = np.random.default_rng(7)
    taste = rng.gamma(0.4, size=(3, ITEMS))
    rows = []
    for user in range(USERS):
        late = OLD if user % 10 == 9 else 0
        for week in range(late, WEEKS):
            liked = taste[user % 3].copy()
            liked[34:] *= week >= OLD
            count = rng.integers(0, 4)
            for item in rng.choice(ITEMS, size=count, p=liked / liked.sum()):
                rows.append((user, item, START + pd.Timedelta(days=7 * week + int(rng.integers(7)))))
    log = pd.DataFrame(rows, columns=["user", "item", "day"])
    names = {"Kunde": [f"00{u}" if u % 4 else f"Zoë/{u}" for u in log["user"]]}
    names["Artikel"] = [f"nº {i}" if i % 5 else f"{i:05d}" for i in log["item"]]
    return pd.DataFrame({**names, "day": log["day"], "paid": 1.0 + log["item"] / 10}).sort_values("day")


def config(name: str, model: dict[str, Any], split: Any = None, **source: object) -> dict[str, Any]:
    table = {"path": "old.parquet", "columns": COLUMNS, **source}
    split = split or {
        "class_path": "Temporal",
        "init_args": {"train_end": OLD - 3, "val_end": OLD, "test_end": OLD},
    }
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    data = {"source": {"class_path": "graphrec.data.sources.table", "init_args": table}, "split": split}
    return {
        "run": {"name": name, "id": "a", "monitor": "val_ndcg_20"},
        "trainer": {"max_epochs": 5, **quiet},
        "data": {"class_path": "RecommenderData", "init_args": data},
        "model": model,
    }


EASE = {
    "class_path": "ClosedFormTask",
    "init_args": {"recommender": {"class_path": "EASE", "init_args": {"l2": 3.0}}},
}
LIGHTGCN = {
    "class_path": "RankingTask",
    "init_args": {"encoder": {"class_path": "LightGCN", "init_args": {"dim": 8}}, "learning_rate": 0.02},
}


def build() -> None:
    """Write files of old and new weeks into the current folder, and fit runs on the old ones."""
    log = purchases()
    week = (log["day"] - START).dt.days // 7 + 1
    parts = {"old": week <= OLD, "next": week == OLD + 1, "later": week > OLD + 1, "all_new": week > OLD}
    parts |= {"over": (week >= OLD) & (week <= OLD + 1), "known": week == OLD, "whole": week > 0}
    for name, rows in parts.items():
        log[rows].to_parquet(f"{name}.parquet", index=False)
    for name, model in (("ease", EASE), ("gcn", LIGHTGCN)):
        Path(f"{name}.yaml").write_text(yaml.safe_dump(config(name, model)))
        main(["fit", "-c", f"{name}.yaml"])
    main(["refit", "runs/gcn"])
