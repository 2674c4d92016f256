"""Checkpoints of every shipped model in a moment: built on a small shop, never trained by a trainer."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml
from odd_shop import USERS, bought, item_table

from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.short import model_file, model_names
from graphrec.data.module import RecommenderData
from graphrec.graph import BipartiteGraph
from graphrec.training import RankedTask

FEATURES = {"pca": 4}


def _ranking(encoder: str, decoder: str) -> dict[str, Any]:
    return {"class_path": "RankingTask", "init_args": {"encoder": encoder, "decoder": decoder}}


def _closed(name: str, **arguments: Any) -> dict[str, Any]:
    recommender = {"class_path": name, "init_args": arguments}
    return {"class_path": "ClosedFormTask", "init_args": {"recommender": recommender}}


BY_FEATURES: dict[str, dict[str, Any]] = {
    "towers": _ranking("FeatureTowers", "Dot"),
    "raw_mlp": _ranking("RawFeatures", "MLP"),
    "with_features": _ranking("WithFeatures", "Dot"),
    "trees": _closed("FeatureTrees", trees=5),
}
SHIPPED_BY_FEATURES = ("logistic", "tree", "forest", "boosting", "mlp_features")
OTHERS: dict[str, dict[str, Any]] = {
    "purchase_ranker": _closed("PurchaseRanker", windows=2, horizon=2, trees=5),
    "fusion": {
        "class_path": "graphrec.fusion.task.FusionTask",
        "init_args": {
            "members": [_closed("ItemCF"), _ranking("LightGCN", "Dot"), _closed("TopFrequency")],
            "weights": [1.0, 2.0, 0.5],
        },
    },
}


def models() -> dict[str, dict[str, Any]]:
    """Name → the key ``model`` of a YAML."""
    rankers = (name for name in model_names() if not name.endswith("_rating"))
    shipped = {name: yaml.safe_load(model_file(name).read_text())["model"] for name in rankers}
    return {**shipped, **BY_FEATURES, **OTHERS}


def write_shop() -> None:
    """Write the odd shop into the current folder, some purchases of it twice and in several weeks."""
    log = bought(USERS, 1)
    again = log.iloc[::5].assign(timestamp="2024-03-03")
    pd.concat([log, again]).assign(price=2.5, quantity=1).to_csv("log.csv", index=False)
    item_table().to_csv("items.csv", index=False)


def data_config(name: str, **more: Any) -> dict[str, Any]:
    """The shop's data; features for the models that read them, and weeks of training for the others."""
    features = {"features": FEATURES} if name in (*BY_FEATURES, *SHIPPED_BY_FEATURES) else {}
    source = {"path": "log.csv", "items": "items.csv"}
    split = {"class_path": "Temporal", "init_args": {"train_end": 18, "val_end": 22}}
    return {
        "class_path": "RecommenderData",
        "init_args": {
            "source": {"class_path": "graphrec.data.sources.table", "init_args": source},
            "split": split,
            **features,
            **more,
        },
    }


def built(
    name: str, model: dict[str, Any], **more: Any
) -> tuple[RankedTask, RecommenderData, dict[str, Any]]:
    """Build a model on the shop of the current folder, as a fit does before its first step."""
    config = {"seed_everything": 0, "model": model, "data": data_config(name, **more), "run": {"name": name}}
    cli = run_lightning(copy.deepcopy(config), run=False)
    task, data = cli.model, cli.datamodule
    torch.manual_seed(0)
    task.bind(BipartiteGraph.of(data))
    return task.eval(), data, config


def write_checkpoint(name: str, model: dict[str, Any], file: Path, **more: Any) -> Path:
    """Keep what was built as a fit would."""
    keep(*built(name, model, **more), file)
    return file


def keep(task: RankedTask, data: RecommenderData, config: dict[str, Any], file: Path) -> None:
    """Write a checkpoint."""
    state = task.state_dict()
    record = {"config": yaml.safe_dump(config, sort_keys=False), **task.fingerprints(data, state)}
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"epoch": 0, "state_dict": state, "graphrec": record}, file)
