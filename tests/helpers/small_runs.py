"""A configuration that fits in seconds, for tests of what commands leave on disk."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

CONFIG: dict[str, Any] = {
    "run": {"name": "small", "root": "runs"},
    "seed_everything": 3,
    "trainer": {"max_epochs": 2, "enable_progress_bar": False, "enable_model_summary": False},
    "data": {
        "class_path": "RecommenderData",
        "init_args": {
            "source": {
                "class_path": "graphrec.data.sources.synthetic",
                "init_args": {"num_users": 60, "num_items": 40, "density": 0.3},
            },
            "split": {
                "class_path": "Temporal",
                "init_args": {"train_end": 14, "val_end": 17, "test_end": 20},
            },
            "batch_size": 512,
        },
    },
    "model": {
        "class_path": "RankingTask",
        "init_args": {
            "encoder": {"class_path": "LightGCN", "init_args": {"dim": 8}},
            "loss": "graphrec.losses.bpr",
            "learning_rate": 0.01,
        },
    },
}
CLOSED_FORM: dict[str, Any] = {
    "class_path": "ClosedFormTask",
    "init_args": {"recommender": {"class_path": "Popularity"}},
}


def write_config(file: str | Path, **changes: Any) -> str:
    """Write the configuration with other entries of ``run`` and ``trainer``, or another ``model``."""
    config = copy.deepcopy(CONFIG)
    for key, value in changes.items():
        if key == "model":
            config["model"] = value
        elif key in ("max_epochs",):
            config["trainer"][key] = value
        else:
            config["run"][key] = value
    Path(file).write_text(yaml.safe_dump(config), encoding="utf-8")
    return str(file)


def write_log(file: str | Path = "log.csv") -> None:
    """Write a log of 12 users with 6 purchases each, a day apart, among 11 items."""
    rows = [(u, (u * 3 + i * 5) % 11, f"2024-01-{i + 1:02d}") for u in range(12) for i in range(6)]
    pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).to_csv(file, index=False)
