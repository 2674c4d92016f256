"""What does the graph add where every model sees the same features? Complete Journey, new items.

    python experiments/studies/equal_features.py --out runs/equal-features
    python experiments/studies/equal_features.py --out runs/quick --share .1 --seeds 1

Train weeks 1 to 40, validation 41 to 44, test 45 to 52. Features come from weeks 1 to 40. All models but
item_cf and lightgcn read the same two tables of features; settings are the defaults and were not searched.
Trained models stop after three epochs without a better validation NDCG@20, and their best epoch is tested.
Writes ``models.csv``, a row for each model and seed, and ``table.md``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from graphrec.cli.config.files import load_yaml
from graphrec.cli.short import model_file
from graphrec.data.features.build import FeatureOptions
from graphrec.data.module import RecommenderData
from graphrec.data.sources import complete_journey, share_of_users
from graphrec.data.splits import Temporal
from graphrec.files import write_text
from graphrec.models import FeatureRanker, FeatureTowers, GATv2, ItemCF, LightGCN, Popularity
from graphrec.models.encoders.with_features import WithFeatures
from graphrec.training import ClosedFormTask, RankedTask, RankingTask

MEASURES = ("ndcg_20", "recall_20")


def shipped(name: str, seed: int) -> FeatureRanker:
    """Make a shipped model of features, with another seed."""
    given = load_yaml(model_file(name))["model"]["init_args"]["recommender"]["init_args"]
    return FeatureRanker(**given, seed=seed)


MODELS: dict[str, tuple[str, Callable[[int], RankedTask]]] = {
    "popularity": ("nothing", lambda seed: ClosedFormTask(Popularity())),
    "item_cf": ("purchases", lambda seed: ClosedFormTask(ItemCF())),
    "logistic": ("features", lambda seed: ClosedFormTask(shipped("logistic", seed))),
    "tree": ("features", lambda seed: ClosedFormTask(shipped("tree", seed))),
    "forest": ("features", lambda seed: ClosedFormTask(shipped("forest", seed))),
    "boosting": ("features", lambda seed: ClosedFormTask(shipped("boosting", seed))),
    "mlp_features": ("features", lambda seed: ClosedFormTask(shipped("mlp_features", seed))),
    "towers": ("features", lambda seed: RankingTask(FeatureTowers, l2=0.0, learning_rate=0.003)),
    "lightgcn": ("graph", lambda seed: RankingTask(partial(LightGCN, dim=64))),
    "lightgcn_features": (
        "graph and features",
        lambda seed: RankingTask(partial(WithFeatures, encoder=partial(LightGCN, dim=64))),
    ),
    "gatv2_features": (
        "graph and features",
        lambda seed: RankingTask(partial(WithFeatures, encoder=partial(GATv2, dim=32, num_layers=1))),
    ),
}
SEEDLESS = ("popularity", "item_cf")


def main() -> None:
    """Fit and test every model, a seed at a time; what is there already is not fitted again."""
    asked = arguments()
    source = complete_journey()
    if asked.share < 1:
        source = share_of_users(source, asked.share)
    split = Temporal(train_end=40, val_end=44, test_end=52, min_item_users=10)
    data = RecommenderData(source, split, FeatureOptions(pca=32), eval_batch_size=64)
    data.report()
    file = asked.out / "models.csv"
    rows = pd.read_csv(file).to_dict("records") if file.is_file() else []
    done = {(row["model"], row["seed"]) for row in rows}
    asked.out.mkdir(parents=True, exist_ok=True)
    for name in asked.models:
        for seed in range(1 if name in SEEDLESS else asked.seeds):
            if (name, seed) in done:
                continue
            rows.append(fitted(name, seed, data, asked))
            pd.DataFrame(rows).to_csv(file, index=False)
            write_text(asked.out / "table.md", table(pd.DataFrame(rows)))
            print(rows[-1], flush=True)
    print(table(pd.DataFrame(rows)))


def fitted(name: str, seed: int, data: RecommenderData, asked: argparse.Namespace) -> dict[str, object]:
    """Fit one model and measure it on the test weeks."""
    pl.seed_everything(seed, verbose=False)
    started, task = time.perf_counter(), MODELS[name][1](seed)
    best = ModelCheckpoint(asked.out / "checkpoints" / f"{name}-{seed}", monitor="val_ndcg_20", mode="max")
    trainer = pl.Trainer(
        accelerator="auto",
        max_epochs=1 if isinstance(task, ClosedFormTask) else asked.epochs,
        callbacks=[EarlyStopping("val_ndcg_20", patience=3, mode="max"), best],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=asked.out / "tests" / f"{name}-{seed}",
    )
    trainer.fit(task, data)
    seconds = time.perf_counter() - started
    path = None if isinstance(task, ClosedFormTask) else "best"
    found = trainer.test(task, data, ckpt_path=path, verbose=False, weights_only=path and True)[0]
    ends = ("", "_low", "_high")
    measured = {f"{one}{end}": found[f"test_{one}_new{end}"] for one in MEASURES for end in ends}
    return {"model": name, "sees": MODELS[name][0], "seed": seed, "seconds": round(seconds), **measured}


def table(rows: pd.DataFrame) -> str:
    """Write a row for each model: the mean over seeds, their spread, and the interval of the first seed."""
    lines = [
        "| model | sees | NDCG@20, new | Recall@20, new | seeds | spread | seconds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, own in rows.groupby("model", sort=False):
        first = own.iloc[0]
        cells = [
            f"{own[one].mean():.4f} [{first[f'{one}_low']:.4f}, {first[f'{one}_high']:.4f}]"
            for one in MEASURES
        ]
        spread = f"{own['ndcg_20'].std(ddof=0):.4f}" if len(own) > 1 else "–"
        lines.append(
            f"| {name} | {first['sees']} | {' | '.join(cells)} | {len(own)} | {spread}"
            f" | {own['seconds'].mean():.0f} |"
        )
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each model that has one")
    parser.add_argument("--share", type=float, default=1.0, help="share of the households")
    parser.add_argument("--epochs", type=int, default=30, help="most epochs of a trained model")
    parser.add_argument("--models", nargs="+", default=[*MODELS], choices=[*MODELS], help="only these")
    return parser.parse_args()


if __name__ == "__main__":
    main()
