from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from random_graphs import random_graph

from graphrec.errors import InputError
from graphrec.models import SGFCF
from graphrec.models.filters import sgfcf
from graphrec.models.neighbours import purchases


def pair_share(matrix: np.ndarray) -> np.ndarray:
    """The share of pairs of a row's columns that another row has both of, pair by pair."""
    shares = np.zeros(len(matrix))
    for row, entries in enumerate(matrix):
        others = np.delete(matrix, row, axis=0)
        pairs = list(permutations(np.flatnonzero(entries), 2))
        if pairs:
            shares[row] = np.mean([(others[:, one] * others[:, two]).any() for one, two in pairs])
    return shares


def by_hand(matrix: np.ndarray, rank: int, beta, epsilon: float, shift: float, gamma: float) -> np.ndarray:
    user, item = (np.maximum(matrix.sum(axis=axis), 1) + shift for axis in (1, 0))
    scaled = user[:, None] ** -epsilon * matrix * item**-epsilon
    left, values, right = np.linalg.svd(scaled, full_matrices=False)
    values = values[:rank] / values[0]
    sides = []
    for vectors, ratio in ((left, pair_share(matrix)), (right.T, pair_share(matrix.T))):
        place = (ratio - ratio.min()) / (ratio.max() - ratio.min())
        exponent = beta[0] + (beta[1] - beta[0]) * place
        sides.append(vectors[:, :rank] * values ** exponent[:, None])
    filtered, steps = sides[0] @ sides[1].T, scaled @ scaled.T @ scaled
    return filtered / filtered.sum(1, keepdims=True) + gamma * steps / steps.sum(1, keepdims=True)


@pytest.mark.parametrize("block", [4, 512])
@pytest.mark.parametrize("shift", [0.0, 2.5])
@pytest.mark.parametrize("beta", [(0.5, 2.0), (1.2, 1.2)])
def test_scores_are_those_of_the_formula(block, shift, beta, monkeypatch):
    monkeypatch.setattr(sgfcf, "_BLOCK", block)
    graph = random_graph(users=30, items=20, rows=120)
    matrix = graph.seen_mask(torch.arange(30)).double().numpy()
    assert matrix.sum(axis=1).min() > 0
    model = SGFCF(rank=6, beta=beta, epsilon=0.4, shift=shift, gamma=0.7)
    model.fit(graph)
    expected = by_hand(matrix, 6, beta, 0.4, shift, 0.7)
    np.testing.assert_allclose(model.score(torch.arange(30)), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("dense", [0.0, 1.0])
def test_homophily_is_the_share_of_pairs_that_others_share(dense, monkeypatch):
    monkeypatch.setattr(sgfcf, "_DENSE", dense)
    graph = random_graph(users=25, items=18, rows=110)
    matrix = graph.seen_mask(torch.arange(25)).double().numpy()
    shares = sgfcf.homophily(purchases(graph), purchases(graph))
    assert len(np.unique(shares)) > 3
    np.testing.assert_allclose(shares, pair_share(matrix))


def test_settings_out_of_their_range_are_refused():
    mistakes = ({"rank": 0}, {"beta": (1.0, -1.0)}, {"epsilon": -1.0}, {"shift": -1.0}, {"gamma": -0.1})
    for mistake in mistakes:
        with pytest.raises(InputError, match=f"{next(iter(mistake))}.*is too small"):
            SGFCF(**mistake)
