"""Parts of columns sum to the scores, and are what the features of the shop make of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from unfitted import SHIPPED_BY_FEATURES, built, models, write_shop

from graphrec.models.reasons.columns import column_accounts

MODELS = models()
NAMES = [*SHIPPED_BY_FEATURES, "trees", "towers", "raw_mlp"]


@pytest.fixture(autouse=True, scope="module")
def _shop(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        write_shop()
        yield


SQUARES = {"class_path": "sklearn.preprocessing.PolynomialFeatures", "init_args": {"degree": 2}}
"""Nothing leads back from these to the columns, so that they are their own."""
CASES = [
    *((name, features) for name in NAMES for features in ({"pca": 4}, {"pca": None})),
    ("boosting", {"user_groups": []}),
    ("logistic", {"item_pipeline": [SQUARES], "pca": None}),
]


@pytest.mark.parametrize(("name", "features"), CASES, ids=str)
def test_parts_and_the_average_pair_sum_to_the_score(name, features):
    task, data, _ = built(name, MODELS[name], features=features)
    model = task.recommender
    accounts = column_accounts(model, data.features)
    users, items = torch.arange(3), torch.arange(model.graph.num_items)
    scores = model.score(users).detach().double().numpy()
    rest = [scores[user] - accounts(user, items).parts.sum(axis=0) for user in range(3)]
    prior = getattr(model, "prior", 0) * torch.log1p(model.graph.item_degree().float()).numpy()
    rest = np.stack(rest) - prior
    np.testing.assert_allclose(rest, np.full_like(rest, rest[0, 0]), atol=1e-5)


def test_a_linear_function_gives_each_column_its_weight_times_what_stands_in_it():
    task, data, _ = built("logistic", MODELS["logistic"], features={"pca": None})
    model, features = task.recommender, data.features
    weight = model._fitted.coef_[0]
    account = column_accounts(model, features)(1, torch.arange(5))
    names = [f"user {name}" for name in features.user_names] + [
        f"item {name}" for name in features.item_names
    ]
    for row, item in enumerate(range(5)):
        average = np.concatenate([features.user.mean(axis=0), features.item.mean(axis=0)])
        stands = np.concatenate([features.user[1], features.item[item]]) - average
        for column, part in zip(account.columns, account.parts[:, row], strict=True):
            own = [f"{column.side} {column.name}" == name.partition("=")[0] for name in names]
            assert part == pytest.approx((weight * stands)[own].sum(), abs=1e-6)


def test_a_tree_that_reads_one_column_gives_it_all():
    """A stump splits once, so that one column decides alone."""
    stump = {"class_path": "sklearn.tree.DecisionTreeClassifier", "init_args": {"max_depth": 1}}
    recommender = {"class_path": "FeatureRanker", "init_args": {"estimator": stump}}
    model = {"class_path": "ClosedFormTask", "init_args": {"recommender": recommender}}
    task, data, _ = built("tree", model, features={"pca": None})
    fitted = task.recommender
    names = [*data.features.user_names, *data.features.item_names]
    read = int(fitted._fitted.tree_.feature[0])
    account = column_accounts(fitted, data.features)(0, torch.arange(fitted.graph.num_items))
    own = [column.name == names[read].partition("=")[0] for column in account.columns]
    others = account.parts[~np.array(own)]
    assert np.abs(others).max() < 1e-12
    assert np.ptp(account.parts[np.array(own)].sum(axis=0)) > 0 or read < len(data.features.user_names)


def test_a_subclass_may_score_in_another_way():
    task, data, _ = built("trees", MODELS["trees"])
    task.recommender.__class__ = type("Mine", (type(task.recommender),), {})
    assert column_accounts(task.recommender, data.features) is None
    assert column_accounts(built("trees", MODELS["trees"])[0].recommender, None) is None
