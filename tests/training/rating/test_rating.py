"""Ratings foretold: by hand, with planted tastes, and nothing that cleaning filled."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl

from graphrec.data.features.build import FeatureOptions
from graphrec.data.interactions import IdMap, Interactions, RawData
from graphrec.data.module import RecommenderData
from graphrec.data.splits import Random
from graphrec.errors import InputError
from graphrec.evaluation.rating import rating_measures
from graphrec.training.rating import FeatureRegressor, RatingCF, RatingTask
from graphrec.training.rating.models import Ratings


def tastes(rows: int = 1500) -> RawData:
    """Users of two towns, who like one of two kinds of items."""
    random = np.random.default_rng(2)
    user, item = random.integers(0, 60, rows), random.integers(0, 30, rows)
    liked = user % 2 == item % 2
    log = pd.DataFrame({"user_id": user, "item_id": item, "rating": np.where(liked, 4.5, 2.0)})
    log["rating"] += random.normal(0, 0.3, rows)
    users = pd.DataFrame({"user_id": range(60), "town": ["A", "B"] * 30})
    items = pd.DataFrame({"item_id": range(30), "kind": ["x", "y"] * 15})
    return RawData("tastes", log.drop_duplicates(["user_id", "item_id"], ignore_index=True), users, items)


def data(source: RawData | None = None) -> RecommenderData:
    options = FeatureOptions(["demographics"], ["attributes"], pca=None)
    return RecommenderData(source or tastes(), Random(), options)


def test_measures_are_those_by_hand_and_lie_in_their_intervals():
    given, foretold = np.array([5.0, 3.0, 1.0, 4.0]), np.array([4.0, 3.0, 2.0, 6.0])
    found = rating_measures(given, foretold, np.array([0, 0, 1, 2]))
    assert found["rmse"] == pytest.approx(np.sqrt(6 / 4))
    assert found["mae"] == pytest.approx(1.0)
    assert found["mean_error"] == pytest.approx(0.5)
    for name in ("rmse", "mae", "mean_error"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"]
    alone = rating_measures(given, foretold, np.zeros(4, dtype=int))
    assert alone["rmse_low"] == alone["rmse_high"]


def test_neighbours_give_the_weighted_mean_by_hand():
    log = pd.DataFrame(
        {
            "user_id": [0, 0, 1, 1, 1, 2, 2],
            "item_id": [0, 1, 0, 1, 2, 1, 2],
            "rating": [5, 4, 3, 2, 1, 4.0, 2],
        }
    )
    train = Interactions.encode(log, IdMap.from_values([0, 1, 2]), IdMap.from_values([0, 1, 2, 3]))
    model = RatingCF(neighbours=5, shrinkage=0.0)
    model.fit(Ratings.of(train), None)
    table = np.array([[5, 4, 0], [3, 2, 1], [0, 4, 2.0]])
    near = [
        table[:, 2] @ table[:, j] / np.linalg.norm(table[:, 2]) / np.linalg.norm(table[:, j]) for j in (0, 1)
    ]
    expected = (near[0] * 5 + near[1] * 4) / sum(near)
    assert model.predict(np.array([0]), np.array([2]))[0] == pytest.approx(expected, rel=1e-5)
    assert model.predict(np.array([0]), np.array([3]))[0] == pytest.approx(3.0)  # nobody rated it


@pytest.mark.parametrize(
    "model",
    [
        lambda: FeatureRegressor("sklearn.tree.DecisionTreeRegressor"),
        lambda: FeatureRegressor(
            {"class_path": "sklearn.neural_network.MLPRegressor", "init_args": {"max_iter": 500}}
        ),
        lambda: RatingCF(neighbours=10, shrinkage=0.0),
    ],
    ids=["tree", "mlp", "neighbours"],
)
def test_planted_tastes_are_found_and_the_checkpoint_gives_the_same(model, tmp_path):
    module = data()
    runner = pl.Trainer(max_epochs=1, logger=False, enable_progress_bar=False, default_root_dir=tmp_path)
    task = RatingTask(model())
    runner.fit(task, module)
    found = runner.test(task, module, verbose=False)[0]
    # the mean misses by 1.25, the noise is 0.3
    assert found["test_rmse"] < (0.9 if isinstance(task.rating_model, RatingCF) else 0.4)
    assert found["test_rmse_of_mean"] > 1.1
    assert abs(found["test_mean_error"]) < 0.25
    rows = pd.read_parquet(tmp_path / "test_ratings.parquet")
    by_hand = np.sqrt(((rows["foretold"] - rows["rating"]) ** 2).mean())
    assert json.loads((tmp_path / "test_metrics.json").read_text())["test_rmse"] == pytest.approx(by_hand)


def test_what_cleaning_filled_is_neither_learnt_nor_judged():
    source = tastes()
    filled = source.log.assign(rating_missing=0)
    filled.loc[::3, ["rating", "rating_missing"]] = [99.0, 1]
    part = data(replace(source, log=filled)).split.train
    assert Ratings.of(part).value.max() < 10
    assert len(Ratings.of(part).value) < len(part)


def test_a_log_without_ratings_is_refused():
    source = tastes()
    module = data(replace(source, log=source.log.drop(columns="rating")))
    with pytest.raises(InputError, match="the log has no ratings"):
        RatingTask(RatingCF()).check_data("fit", module)
    with pytest.raises(InputError, match="features"):
        FeatureRegressor("sklearn.tree.DecisionTreeRegressor").fit(Ratings.of(data().split.train), None)
