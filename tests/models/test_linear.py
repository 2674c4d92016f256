from __future__ import annotations

import numpy as np
import pytest
import torch
from random_graphs import random_graph

from graphrec.errors import InputError
from graphrec.models import EASE, EDLAE, linear


def purchases(graph) -> np.ndarray:
    return graph.seen_mask(torch.arange(graph.num_users)).double().numpy()


def steck(matrix: np.ndarray, l2: float | np.ndarray) -> np.ndarray:
    """Each column of B by its own ridge regression on the other items: the problem EASE solves."""
    items = matrix.shape[1]
    penalty = np.broadcast_to(l2, items)
    weights = np.zeros((items, items))
    for j in range(items):
        others = np.delete(np.arange(items), j)
        rest = matrix[:, others]
        gram = rest.T @ rest + np.diag(penalty[others])
        weights[others, j] = np.linalg.solve(gram, rest.T @ matrix[:, j])
    return weights


@pytest.mark.parametrize(("users", "items"), [(40, 12), (12, 40), (20, 20)])
@pytest.mark.parametrize("l2", [0.5, 20.0])
def test_ease_regresses_each_item_on_the_others(users, items, l2):
    """With more items than users the kernel of the users is inverted; the scores are the same."""
    graph = random_graph(users=users, items=items, rows=150)
    matrix = purchases(graph)
    model = EASE(l2=l2)
    model.fit(graph)
    assert model.inverse.shape == (min(users, items),) * 2
    np.testing.assert_allclose(
        model.score(torch.arange(users)), matrix @ steck(matrix, l2), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(("users", "items"), [(40, 12), (12, 40), (20, 20)])
def test_edlae_is_the_mean_of_ease_under_dropout(users, items):
    """A penalty of p / (1 - p) times an item's buyers is what dropping its entries with p amounts to."""
    graph = random_graph(users=users, items=items, rows=150)
    matrix = purchases(graph)
    model, dropout = EDLAE(dropout=0.4, l2=2.0), 0.4
    model.fit(graph)
    penalty = 2.0 + dropout / (1 - dropout) * matrix.sum(axis=0)
    expected = matrix @ steck(matrix, penalty)
    np.testing.assert_allclose(model.score(torch.arange(users)), expected, atol=1e-4, rtol=1e-4)
    plain, without = EASE(l2=2.0), EDLAE(dropout=0.0, l2=2.0)
    plain.fit(graph)
    without.fit(graph)
    assert torch.equal(without.score(torch.arange(users)), plain.score(torch.arange(users)))


def test_dropping_everything_is_refused():
    with pytest.raises(InputError, match=r"dropout.*give 0 or more and less than 1"):
        EDLAE(dropout=1.0)


@pytest.mark.parametrize(("users", "items"), [(40, 25), (25, 40)])
def test_blocks_leave_no_borders(users, items, monkeypatch):
    monkeypatch.setattr(linear, "_BLOCK", 7)
    graph = random_graph(users=users, items=items, rows=150)
    matrix = purchases(graph)
    model = EASE(l2=3.0)
    model.fit(graph)
    np.testing.assert_allclose(
        model.score(torch.arange(users)), matrix @ steck(matrix, 3.0), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("users", [30, 8])
def test_max_items_is_the_model_of_the_most_bought(users):
    graph = random_graph(users=users, items=12, rows=90)
    model = EASE(l2=3.0, max_items=9)
    model.fit(graph)
    kept = np.sort(np.argsort(-graph.item_degree().numpy(), kind="stable")[:9])
    matrix = purchases(graph)[:, kept]
    expected = np.zeros((users, 12))
    expected[:, kept] = matrix @ steck(matrix, 3.0)
    np.testing.assert_allclose(model.score(torch.arange(users)), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("block", [7, 50, 64])
def test_the_inverse_is_made_in_place_by_blocks(block, monkeypatch):
    monkeypatch.setattr(linear, "_BLOCK", block)
    half = np.random.default_rng(0).normal(size=(50, 80))
    matrix = half @ half.T + np.eye(50)
    inverse = torch.from_numpy(matrix).float()
    linear.invert_in_place(inverse)
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), atol=1e-5)
    assert torch.equal(inverse, inverse.T)


def test_what_does_not_fit_is_refused_before_anything_is_allocated(monkeypatch):
    monkeypatch.setattr(linear, "available_memory", lambda: 5e9)
    monkeypatch.setattr(linear, "regularised_inverse", lambda *_: pytest.fail("allocated"))
    with pytest.raises(InputError) as caught:
        linear.check_memory(users=200_000, items=40_981)
    text = str(caught.value)
    assert "40,981 items" in text
    assert "7.6 GB" in text
    assert "5.0 GB" in text
    assert "RP3beta" in text
    fitting = int(text.split("max_items: ")[1].split(",")[0])
    linear.check_memory(users=200_000, items=fitting)  # what the message proposes works
    linear.check_memory(users=1_000, items=40_981)  # the smaller side counts
    monkeypatch.setattr(linear, "available_memory", lambda: 100.0)
    for model in (EASE, EDLAE):
        with pytest.raises(InputError, match=f"{model.__name__} on 12 items"):
            model().fit(random_graph())


def test_available_memory_is_that_of_this_machine():
    free = linear.available_memory()
    assert 1e7 < free < 1e14
    psutil = pytest.importorskip("psutil")
    assert free <= psutil.virtual_memory().total


def test_too_little_regularisation_is_said():
    with pytest.raises(InputError, match="l2"):
        EASE(l2=0.0)
    for users in (5, 8):  # everybody bought everything: all rows and columns are the same
        with pytest.raises(InputError, match="singular"):
            EASE(l2=1e-30).fit(random_graph(users=users, items=6, rows=1000))
