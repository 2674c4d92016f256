from __future__ import annotations

import numpy as np
import pytest
import torch
from random_graphs import random_graph

from graphrec.errors import InputError
from graphrec.models import LinkProp
from graphrec.models.filters import link_prop


def paths(matrix: np.ndarray, user: np.ndarray, item: np.ndarray, powers: tuple[float, ...]) -> np.ndarray:
    """The sum over the paths u - j - v - i, one by one."""
    alpha, beta, gamma, delta = powers
    scores = np.zeros(matrix.shape)
    for u, j in np.argwhere(matrix):
        for v in np.flatnonzero(matrix[:, j]):
            for i in np.flatnonzero(matrix[v]):
                weights = user[u] ** -alpha * item[j] ** -beta * user[v] ** -gamma * item[i] ** -delta
                scores[u, i] += weights
    return scores


POWERS = (0.3, 0.6, 0.5, 0.2)


@pytest.mark.parametrize("rounds", [0, 1, 3])
@pytest.mark.parametrize("block", [4, 512])
def test_scores_sum_over_paths_and_rounds_set_the_degrees(rounds, block, monkeypatch):
    monkeypatch.setattr(link_prop, "_BLOCK", block)
    graph = random_graph()
    matrix = graph.seen_mask(torch.arange(15)).double().numpy()
    user, item = (np.maximum(matrix.sum(axis=axis), 1) for axis in (1, 0))
    now = (user, item)
    for _ in range(rounds):
        scores = np.where(matrix > 0, -np.inf, paths(matrix, *now, POWERS)).ravel()
        best = np.argsort(-scores, kind="stable")[: round(0.1 * matrix.sum())]
        added = np.zeros(matrix.size)
        added[best[scores[best] > 0]] = 1
        both = matrix + added.reshape(matrix.shape)
        now = (np.maximum(both.sum(axis=1), 1), np.maximum(both.sum(axis=0), 1))
    model = LinkProp(*POWERS, rounds=rounds, share=0.1)
    model.fit(graph)
    np.testing.assert_allclose(model.score(torch.arange(15)), paths(matrix, *now, POWERS), rtol=1e-4)
    assert (rounds > 0) == (model.item_degree.tolist() != matrix.sum(axis=0).tolist())


def test_no_more_pairs_are_added_than_paths_reach():
    graph = random_graph(users=4, items=4, rows=1)
    model = LinkProp(rounds=2, share=100.0)
    model.fit(graph)
    assert model.user_degree.sum() == model.item_degree.sum() == 1


def test_settings_out_of_their_range_are_refused():
    for mistake in ({"rounds": -1}, {"share": 0.0}, {"beta": float("nan")}):
        with pytest.raises(InputError, match=next(iter(mistake))):
            LinkProp(**mistake)
