from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.models.turbo_cf import TurboCF

USERS, ITEMS = 40, 30


def small_graph() -> BipartiteGraph:
    """Random edges; the last user and the last item have none."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"user": rng.integers(USERS - 1, size=300), "item": rng.integers(ITEMS - 1, size=300)}
    )
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(USERS)), IdMap(np.arange(ITEMS))))


def test_turbo_cf_raises_each_entry_of_the_item_graph():
    graph = small_graph()
    model = TurboCF(alpha=0.6, power=0.7)
    model.fit(graph)
    signal = graph.seen_mask(torch.arange(USERS)).double().numpy()
    user, item = np.maximum(signal.sum(1), 1), np.maximum(signal.sum(0), 1)
    half = user[:, None] ** -0.6 * signal * item**-0.4
    expected = signal @ np.power(half.T @ half, 0.7)
    np.testing.assert_allclose(model.score(torch.arange(USERS)), expected, rtol=1e-4, atol=1e-5)
    few = TurboCF(neighbours=3)
    few.fit(graph)
    kept = np.sort(np.power(half.T @ half, 0.7), axis=1)[:, -3:]
    np.testing.assert_allclose(few.similarity.tensor().to_dense().sum(1), kept.sum(1), rtol=1e-4, atol=1e-5)


def test_a_negative_exponent_is_refused():
    for mistake in ({"neighbours": 0}, {"alpha": -0.1}, {"power": -1.0}):
        with pytest.raises(InputError, match="is too small"):
            TurboCF(**mistake)
