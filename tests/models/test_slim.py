from __future__ import annotations

import numpy as np
import pytest
import torch
from random_graphs import random_graph
from sklearn.linear_model import ElasticNet

from graphrec.errors import InputError
from graphrec.models import SLIM, slim
from graphrec.models.neighbours import cosines, purchases


def one_by_one(matrix: np.ndarray, allowed: np.ndarray, l1: float, l2: float) -> np.ndarray:
    """Each column by scikit-learn's elastic net, which divides the squared error by the users."""
    users, items = matrix.shape
    weights = np.zeros((items, items))
    for item in range(items):
        some = np.flatnonzero(allowed[item])
        alpha = (l1 + l2) / users
        net = ElasticNet(alpha, l1_ratio=l1 / (l1 + l2), positive=True, fit_intercept=False, tol=1e-10)
        weights[some, item] = net.fit(matrix[:, some], matrix[:, item]).coef_
    return weights


@pytest.mark.parametrize("neighbours", [3, 30])
@pytest.mark.parametrize(("block", "most"), [(1, 0), (2_000, 100), (1 << 20, 100)])
def test_slim_is_an_elastic_net_of_each_item_on_the_items_like_it(neighbours, block, most, monkeypatch):
    monkeypatch.setattr(slim, "_BLOCK_BYTES", block)
    monkeypatch.setattr(slim, "_MOST_ITEMS", most)
    graph = random_graph(users=40, items=12, rows=200)
    matrix = graph.seen_mask(torch.arange(40)).double().numpy()
    model = SLIM(neighbours=neighbours, l1=1.5, l2=3.0, tolerance=1e-7)
    model.fit(graph)
    allowed = cosines(purchases(graph).T.tocsr(), neighbours, 0.0, "").toarray() > 0
    expected = one_by_one(matrix, allowed, 1.5, 3.0)
    found = model.similarity.tensor().to_dense()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (found >= 0).all()
    assert not found.diagonal().any()
    assert 0 < int((found > 0).sum()) < allowed.sum()
    np.testing.assert_allclose(model.score(torch.arange(40)), matrix @ expected, atol=1e-4)


def test_a_great_penalty_leaves_no_weight():
    graph = random_graph()
    model = SLIM(l1=1000.0)
    model.fit(graph)
    assert not model.score(torch.arange(15)).any()


def test_settings_out_of_their_range_are_refused():
    for mistake in ({"neighbours": 0}, {"l1": -1.0}, {"l2": -1.0}, {"rounds": 0}, {"tolerance": 0.0}):
        with pytest.raises(InputError, match=f"{next(iter(mistake))}.*is too small"):
            SLIM(**mistake)
