"""A fit that is no better than the most bought items is waited for longer, and told so; others are not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from graphrec.cli import main
from graphrec.cli.experiment.plateau import ROUNDS, RunStopping

CONFIG = {
    "run": {"name": "level", "root": "runs", "id": "a"},
    "trainer": {"max_epochs": 60, "enable_progress_bar": False},
    "data": {
        "class_path": "RecommenderData",
        "init_args": {
            "source": {"class_path": "graphrec.data.sources.table", "init_args": {"path": "log.csv"}},
            "split": {"class_path": "LeaveLast"},
        },
    },
    "model": {"class_path": "RankingTask", "init_args": {"encoder": {"class_path": "EmbeddingTable"}}},
}
STILL = ["--model.init_args.learning_rate", "1e-9"]
"""The start is never left."""


def popular_log() -> pd.DataFrame:
    """Everybody draws from the same few items: nothing is better than to list these."""
    rng, weights = np.random.default_rng(0), 1 / np.arange(1, 31) ** 1.5
    rows = [(u, i, day) for u in range(40)
            for day, i in enumerate(rng.choice(30, 8, replace=False, p=weights / weights.sum()))]  # fmt: skip
    return pd.DataFrame(rows, columns=["user_id", "item_id", "week"])


def block_log() -> pd.DataFrame:
    """Two groups who never buy what the other buys, in equal shares: popularity is half wrong."""
    rng = np.random.default_rng(1)
    rows = [(u, 20 * (u % 2) + i, day) for u in range(40)
            for day, i in enumerate(rng.choice(20, 12, replace=False))]  # fmt: skip
    return pd.DataFrame(rows, columns=["user_id", "item_id", "week"])


@pytest.fixture
def fit(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Path("c.yaml").write_text(yaml.safe_dump(CONFIG))

    def run(log: pd.DataFrame, *options: str):
        log.to_csv("log.csv", index=False)
        cli = main(["fit", "-c", "c.yaml", *options])
        return cli, capfd.readouterr().err

    return run


def best_of_popularity() -> float:
    """What a fit of Popularity itself comes to."""
    closed = CONFIG | {"model": {"class_path": "ClosedFormTask", "init_args": {"recommender": "Popularity"}}}
    Path("popular.yaml").write_text(yaml.safe_dump(closed))
    folder = main(["fit", "-c", "popular.yaml", "--run.name", "popular"]).folder.path
    return float(pd.read_csv(folder / "metrics.csv")["val_ndcg_20"].dropna().iloc[0])


def test_a_fit_on_the_plateau_goes_on_and_the_user_is_told(fit, capfd):
    cli, said = fit(popular_log(), *STILL)
    assert said.count("the fit goes on after epoch") == ROUNDS
    history = pd.read_csv(cli.folder.path / "metrics.csv")["val_ndcg_20"].dropna().reset_index(drop=True)
    assert len(history) == 1 + history.idxmax() + 5 * (1 + ROUNDS)
    (best, popular) = re.findall(r"warning: val_ndcg_20 ([\d.]+) is not above that of .*, ([\d.]+);", said)[0]
    assert best == f"{history.max():.4f}"
    assert popular == f"{best_of_popularity():.4f}"
    capfd.readouterr()
    main(["fit", "-c", "c.yaml", "--ckpt_path", "last"])
    assert "nothing is left to train" in capfd.readouterr().out


def test_a_patience_of_the_user_holds_and_the_end_is_told_all_the_same(fit):
    cli, said = fit(popular_log(), *STILL, "--run.patience", "3")
    assert "the fit goes on" not in said
    assert "is not above that of the most bought items" in said
    assert len(pd.read_csv(cli.folder.path / "metrics.csv")["val_ndcg_20"].dropna()) < 20


def test_a_fit_that_learned_something_stops_as_ever(fit):
    cli, said = fit(block_log(), "--model.init_args.learning_rate", "0.05", "--run.monitor", "val_ndcg_10")
    assert "the fit goes on" not in said
    assert "not above" not in said
    history = pd.read_csv(cli.folder.path / "metrics.csv")["val_ndcg_10"].dropna().reset_index(drop=True)
    assert len(history) == 1 + history.idxmax() + 5 < 60


@pytest.mark.parametrize(
    "options",
    [
        ["--run.monitor", "train_loss"],
        ["--model", "ClosedFormTask", "--model.init_args.recommender", "ItemCF"],
    ],
)
def test_other_fits_are_not_compared(fit, options):
    if options[0] == "--model":
        Path("c.yaml").write_text(yaml.safe_dump(CONFIG | {"model": {"class_path": "ClosedFormTask"}}))
        options = options[2:]
    _, said = fit(popular_log(), *options, "--trainer.max_epochs", "2")
    assert "most bought" not in said


def test_how_often_it_may_wait_stands_in_the_checkpoint():
    first = RunStopping("val_ndcg_20", rounds=3, patience=5, mode="max")
    second = RunStopping("val_ndcg_20", rounds=0, patience=7, mode="max")
    second.load_state_dict(first.state_dict())
    assert second.state_dict()["rounds"] == 3
    assert second.patience == 7
