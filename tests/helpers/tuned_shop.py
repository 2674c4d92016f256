"""A small log with a planted best setting, and files for `sweep` and `tune` on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DECAY = "model.init_args.recommender.init_args.decay_weeks"
RATE = "model.init_args.learning_rate"
LAYERS = "model.init_args.encoder.init_args.num_layers"
DATA = {
    "class_path": "RecommenderData",
    "init_args": {
        "source": {
            "class_path": "graphrec.data.sources.synthetic",
            "init_args": {"num_users": 60, "num_items": 40, "density": 0.3},
        },
        "split": {"class_path": "Temporal", "init_args": {"train_end": 14, "val_end": 17}},
        "item_sets": ["all"],
        "batch_size": 256,
    },
}
FREQUENCY = {"class_path": "ClosedFormTask", "init_args": {"recommender": {"class_path": "TopFrequency"}}}
LIGHTGCN = {
    "class_path": "RankingTask",
    "init_args": {
        "encoder": {"class_path": "LightGCN", "init_args": {"dim": 8, "start": "normal"}},
        "loss": "graphrec.losses.bpr",
        "learning_rate": 0.00001,
    },
}
"""Its learning rate moves nothing: any of the space above it is better, the planted best one far above."""


def write_base(file: Path, model: dict[str, Any], epochs: int = 1) -> Path:
    """A whole experiment of a model on the synthetic log."""
    config = {"run": {"name": file.stem}, "trainer": {"max_epochs": epochs}, "data": DATA, "model": model}
    file.write_text(yaml.safe_dump(config))
    return file


def write_sweep(file: Path, config: str, parameters: dict[str, Any], **said: Any) -> Path:
    """A sweep file of W&B over an experiment."""
    content = {
        "method": "grid",
        "metric": {"name": "val_ndcg_20", "goal": "maximize"},
        "command": ["${env}", "graphrec", "fit", "--config", config, "${args}"],
        "parameters": parameters,
        **said,
    }
    file.write_text(
        yaml.safe_dump({key: value for key, value in content.items() if value is not None}, sort_keys=False)
    )
    return file
