"""Selection by correlation and by mutual information with a purchase; transformers named in a YAML."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from feature_data import encoded, same, shop

from graphrec.data.features.build import FeatureOptions, build_features
from graphrec.data.features.reduction.estimators import make_estimator
from graphrec.data.features.reduction.information import DrawnPairs, information
from graphrec.data.features.stored import dump_features, load_features
from graphrec.data.splits import Temporal
from graphrec.errors import InputError


def test_information_is_that_of_a_table_of_counts() -> None:
    random = np.random.default_rng(0)
    level, noise = random.integers(0, 2, 400), random.normal(size=400)
    rows = random.integers(0, 400, 3000)
    bought = random.random(3000) < np.where(level[rows] == 1, 0.8, 0.3)
    found = information(np.stack([level, noise], axis=1).astype(np.float32), rows, bought)
    counts = pd.crosstab(level[rows], bought).to_numpy() / 3000
    by_hand = (counts * np.log(counts / np.outer(counts.sum(1), counts.sum(0)))).sum()
    assert found[0] == pytest.approx(by_hand, rel=1e-6)
    assert found[1] < found[0] / 10


def test_drawn_pairs_were_bought_or_not() -> None:
    train = encoded(shop()[0])
    drawn, known = DrawnPairs.of(train, 3, most=200), {tuple(pair) for pair in train.pairs().tolist()}
    pairs = list(zip(drawn.user.tolist(), drawn.item.tolist(), strict=True))
    assert drawn.bought.sum() == 200
    assert all((pair in known) == bought for pair, bought in zip(pairs, drawn.bought, strict=True))


def test_what_sells_is_chosen_and_noise_is_not() -> None:
    log, users, items = shop()
    often = log[log["item_id"] < "i12"]
    log = pd.concat([log[log["item_id"] >= "i20"], often, often.assign(user_id=often["user_id"].str[::-1])])
    random = np.random.default_rng(4)
    items = items.assign(
        kind=np.where(items["item_id"] < "i12", "loved", "rest"), noise=random.normal(size=24)
    )
    options = FeatureOptions([], ["attributes"], pca=None, informative=2)
    features = build_features(encoded(log), users, items, options)
    assert any("kind" in name for name in features.item_names)
    assert "attributes:noise" in features.dropped
    assert features.information["attributes:noise"] < max(features.information.values())
    assert len(features.item_names) == 2


def test_correlated_columns_leave_the_first() -> None:
    log, users, items = shop()
    random = np.random.default_rng(5)
    items = items.assign(
        size=np.arange(24.0), weight=lambda frame: 30 - frame["size"] + random.normal(size=24)
    )
    options = FeatureOptions([], ["attributes"], pca=None, max_correlation=0.9)
    features = build_features(encoded(log), users, items, options)
    assert "attributes:size" in features.item_names
    assert "attributes:weight" in features.dropped
    assert not np.isnan(features.item).any()


def test_later_rows_change_no_choice() -> None:
    log, users, items = shop()
    options = FeatureOptions(informative=5, max_correlation=0.95, pca=None)
    split, later = Temporal(train_end=8, val_end=10), log["week"] > 8
    changed = log.copy()
    changed.loc[later, "item_id"] = changed.loc[later, "item_id"].sample(frac=1, random_state=5).to_numpy()
    before = build_features(split(log).train, users, items, options)
    after = build_features(split(changed).train, users, items, options)
    assert same(before, after)
    assert before.information == after.information


def test_transformers_come_before_the_components_and_are_stored() -> None:
    log, users, items = shop()
    steps = [
        {"class_path": "sklearn.preprocessing.QuantileTransformer", "init_args": {"n_quantiles": 10}},
        {"class_path": "sklearn.preprocessing.PolynomialFeatures", "init_args": {"include_bias": False}},
    ]
    options = FeatureOptions(["behaviour"], ["attributes"], pca=4, user_pipeline=steps)
    features = build_features(encoded(log), users, items, options)
    assert features.user_names == [f"pca_{place}" for place in range(4)]
    assert features.fitted is not None
    assert [type(step).__name__ for step in features.fitted.user.steps] == [
        "QuantileTransformer",
        "PolynomialFeatures",
        "PCA",
    ]
    after = load_features(dump_features(features.fitted))
    assert np.array_equal(after.encode_users(users), features.fitted.encode_users(users))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"class_path": "sklearn.preprocessing.StandartScaler"},
            "did you mean sklearn.preprocessing.Standard",
        ),
        ({"class_path": "sklearn.nowhere.Scaler"}, "there is no module sklearn.nowhere"),
        ({"class_path": "sklearn.linear_model.LinearRegression"}, "has no transform"),
        ({"class_path": "sklearn.preprocessing.StandardScaler", "init_args": {"depth": 3}}, "it takes"),
        ({"class": "sklearn.preprocessing.StandardScaler"}, "'class' is not known here"),
        ({}, "there is no class_path"),
    ],
)
def test_a_wrong_step_is_told_at_once(spec: dict, words: str) -> None:
    with pytest.raises(InputError, match=rf"user_pipeline.0.*{words}"):
        FeatureOptions(user_pipeline=[spec])


def test_steps_that_do_not_suit_the_features() -> None:
    log, users, items = shop()
    for step, words in (
        ({"class_path": "sklearn.preprocessing.OneHotEncoder"}, "sparse matrix"),
        (
            {"class_path": "sklearn.preprocessing.PowerTransformer", "init_args": {"method": "box-cox"}},
            "fitted",
        ),
    ):
        with pytest.raises(InputError, match=words):
            build_features(encoded(log), users, items, FeatureOptions(item_pipeline=[step]))


def test_an_argument_may_be_an_estimator() -> None:
    inner = {"class_path": "sklearn.tree.DecisionTreeClassifier", "init_args": {"max_depth": 2}}
    spec = {"class_path": "sklearn.ensemble.BaggingClassifier", "init_args": {"estimator": inner}}
    assert make_estimator(spec, "estimator", ["fit"]).estimator.max_depth == 2
