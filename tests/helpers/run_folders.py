"""Run folders as a fit and a test leave them, without a fit: three models of three seeds in a moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from graphrec.files import write_parquet
from graphrec.report.run_file import add_to_run_file

MEASURES = ("ndcg", "recall", "hit_ratio", "precision", "mrr", "map", "novelty")
ITEMS = {"all": 1.0, "repeat": 1.6, "new": 0.5}
MODELS = {"lightgcn": (0.30, 0.004), "mf": (0.299, 0.02), "popularity": (0.2, 0.0)}
"""Model → the level of its measures and the spread of its seeds."""
USERS, EPOCHS = 240, 5


def write_runs(root: Path, models: dict[str, tuple[float, float]] = MODELS, seeds: int = 3) -> Path:
    """Write runs of each model and seed below a folder, all on one split."""
    for number, (model, (level, spread)) in enumerate(models.items()):
        for seed in range(seeds):
            rng = np.random.default_rng([number, seed])
            shift = spread * (seed - (seeds - 1) / 2)
            write_run_folder(root / f"shop-{model}" / f"s{seed}", level + shift, rng, dim=16 << number)
    return root


def write_run_folder(folder: Path, level: float, rng: np.random.Generator, dim: int = 16) -> None:
    """Write one run whose users have measures around a level."""
    folder.mkdir(parents=True)
    name, seed = folder.parent.name, int(folder.name[1:])
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "shop.csv"}}
    model = {"class_path": "graphrec.training.RankingTask", "init_args": {"encoder": {"dim": dim}}}
    content = {
        "seed_everything": seed,
        "model": model,
        "data": {"init_args": {"source": source}},
        "run": {"name": name, "id": folder.name, "root": "runs", "monitor": "val_ndcg_20_new"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    said = {"run": name, "id": folder.name, "model": name.removeprefix("shop-"), "dataset": "shop"}
    best = int(rng.integers(EPOCHS)) + 1
    cost = {"fit_seconds": float(rng.uniform(1, 90)), "peak_process_bytes": float(rng.integers(4e8, 9e8))}
    summary = {"best_epoch": best, **cost, "parameters": 64.0 * dim}
    add_to_run_file(folder, {**said, "seed": seed, "split_sha256": "a" * 64}, summary)
    _validation(level, rng).to_csv(folder / "metrics.csv", index=False)
    users = _users(level)
    write_parquet(users, folder / "test_users.parquet")
    (folder / "test_metrics.json").write_text(json.dumps(_test(users)))


def _validation(level: float, rng: np.random.Generator) -> pd.DataFrame:
    names = [f"{m}_{k}{end}" for m in MEASURES for k in (10, 20) for end in ("", *(f"_{i}" for i in ITEMS))]
    values = {f"val_{name}": level * rng.uniform(0.5, 1.5, EPOCHS) for name in names}
    validated = pd.DataFrame({"epoch": range(EPOCHS), **values})
    trained = pd.DataFrame({"epoch": range(EPOCHS), "train_loss": np.geomspace(0.7, 0.2, EPOCHS)})
    return pd.concat([trained, validated]).sort_values("epoch", kind="stable")


def _users(level: float) -> pd.DataFrame:
    """What makes a user hard is hard for each model: the noise is that of the user."""
    noise = np.random.default_rng(0).uniform(0.4, 1.6, USERS)
    bought = np.random.default_rng(1).integers(1, 90, USERS)
    return pd.concat(
        pd.DataFrame({f"{m}_{k}": level * scale * noise * k / 20 for m in MEASURES for k in (10, 20)}).assign(
            train_interactions=bought, user_id=[f"u{user}" for user in range(USERS)], items=items
        )
        for items, scale in ITEMS.items()
    )


def _test(users: pd.DataFrame) -> dict[str, Any]:
    content: dict[str, Any] = {"checkpoint_sha256": "c" * 64, "split_sha256": "a" * 64}
    for items, part in users.groupby("items", sort=False):
        content[f"test_users_{items}"] = float(len(part))
        for name in part.columns[: 2 * len(MEASURES)]:
            mean, half = float(part[name].mean()), 1.96 * float(part[name].sem())
            key = f"test_{name}_{items}"
            content |= {key: mean, f"{key}_low": mean - half, f"{key}_high": mean + half}
    return content
