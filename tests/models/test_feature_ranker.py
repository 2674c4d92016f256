"""Classifiers of scikit-learn on features; that they find the held-out item is in the suite of all models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recommender_suite import block_graph, checker_board
from sklearn.linear_model import LogisticRegression

from graphrec.errors import InputError
from graphrec.models import FeatureRanker

LOGISTIC = {"class_path": "sklearn.linear_model.LogisticRegression", "init_args": {"C": 0.5}}


def test_log_odds_are_those_of_the_classifier_fitted_by_hand():
    graph, model = block_graph(), FeatureRanker(LOGISTIC)
    model.fit(graph)
    user, item = (table.numpy() for table in (graph.user_features, graph.item_features))
    others, drawn = (part.numpy() for part in model._not_bought(graph, graph.edge_user))
    bought = np.concatenate([user[graph.edge_user], item[graph.edge_item]], axis=1)
    rows = np.concatenate([bought, np.concatenate([user[others], item[drawn]], axis=1)])
    by_hand = LogisticRegression(C=0.5, random_state=0).fit(rows, np.arange(len(rows)) < len(bought))
    pair = np.concatenate([user[3], item[7]])[None]
    assert model.score(torch.tensor([3]))[0, 7].item() == pytest.approx(
        by_hand.decision_function(pair)[0], abs=1e-5
    )


def test_a_function_that_is_linear_orders_the_items_alike_for_everybody():
    graph, model = block_graph(), FeatureRanker(LOGISTIC)
    model.fit(graph)
    scores = model.score(torch.arange(10))
    shifted = scores - scores.mean(dim=1, keepdim=True)
    assert torch.allclose(shifted, shifted[:1].expand_as(shifted), atol=1e-4)


def test_a_probability_becomes_log_odds_and_no_infinity():
    graph = checker_board()
    model = FeatureRanker("sklearn.tree.DecisionTreeClassifier", seed=1)
    model.fit(graph)
    scores = model.score(torch.arange(24))
    assert torch.isfinite(scores).all()
    assert scores[0, 0] > scores[0, 1]


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        ("sklearn.linear_model.LinearRegression", "neither decision_function nor predict_proba"),
        ("sklearn.tree.DecisionTreeClasifier", "did you mean sklearn.tree.DecisionTreeClassifier"),
        ({"class_path": "sklearn.tree.DecisionTreeClassifier", "init_args": {"depth": 3}}, "it takes"),
    ],
)
def test_a_wrong_estimator_is_told_at_once(estimator, words):
    with pytest.raises(InputError, match=words):
        FeatureRanker(estimator)


def test_an_argument_out_of_range_is_told_where_it_is_fitted():
    model = FeatureRanker(
        {"class_path": "sklearn.tree.DecisionTreeClassifier", "init_args": {"max_depth": -1}}
    )
    with pytest.raises(InputError, match=r"cannot be fitted.*max_depth"):
        model.fit(checker_board())
