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


@pytest.mark.parametrize("neighbours", [None, 5])
def test_the_second_order_is_twice_the_graph_less_its_square(neighbours):
    graph = small_graph()
    first, second = TurboCF(neighbours=neighbours), TurboCF(neighbours=neighbours, order=2)
    first.fit(graph)
    second.fit(graph)
    item_graph = first.similarity.tensor().to_dense().double().numpy()
    signal = graph.seen_mask(torch.arange(USERS)).double().numpy()
    expected = signal @ (2 * item_graph - item_graph @ item_graph)
    np.testing.assert_allclose(second.score(torch.arange(USERS)), expected, rtol=1e-4, atol=1e-5)
    for model in (first, second):
        scores = model.score(torch.arange(USERS)).masked_fill_(signal_mask(graph), -torch.inf)
        best = model.recommend(torch.arange(USERS), k=3)
        torch.testing.assert_close(best.scores, scores.topk(3).values)


def signal_mask(graph: BipartiteGraph) -> torch.Tensor:
    return graph.seen_mask(torch.arange(USERS))


def test_a_setting_out_of_its_range_is_refused():
    for mistake in ({"neighbours": 0}, {"alpha": -0.1}, {"power": -1.0}, {"order": 0}):
        with pytest.raises(InputError, match="is too small"):
            TurboCF(**mistake)
    with pytest.raises(InputError, match=r"order.*give 1 to 2"):
        TurboCF(order=3)
