"""The spectral start against a dense decomposition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph
from graphrec.models import EmbeddingTable, LightGCN
from graphrec.models.encoders import spectral_init
from graphrec.training import RankingTask


@pytest.fixture
def graph() -> BipartiteGraph:
    """Nine users and seven items; the last user and the last item have no edge."""
    rng = np.random.default_rng(1)
    user, item = np.nonzero(rng.random((8, 6)) < 0.5)
    frame = pd.DataFrame({"user": user, "item": item})
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(9)), IdMap(np.arange(7))))


def dense(graph: BipartiteGraph) -> np.ndarray:
    bought = np.zeros((graph.num_users, graph.num_items))
    bought[graph.edge_user.numpy(), graph.edge_item.numpy()] = 1
    degrees = [np.maximum(bought.sum(side), 1) for side in (1, 0)]
    return bought / np.sqrt(degrees[0][:, None] * degrees[1])


def test_products_of_the_table_are_the_low_rank_interactions(graph):
    torch.manual_seed(0)
    user, item = EmbeddingTable(graph, dim=3, init_std=0.02, start="spectral").ego(graph)
    left, values, right = np.linalg.svd(dense(graph))
    expected = left[:, :3] * values[:3] ** 2 @ right[:3]  # (U Σ)(V Σ)ᵀ
    found = (user @ item.T).detach().numpy()[:8, :6]
    np.testing.assert_allclose(found / found.max(), expected[:8, :6] / expected[:8, :6].max(), atol=1e-5)


def test_it_has_the_size_asked_for_and_leaves_what_it_cannot_know_at_random(graph):
    torch.manual_seed(0)
    drawn = EmbeddingTable(graph, dim=9, init_std=0.02, start="normal").weight.detach()
    torch.manual_seed(0)
    started = LightGCN(graph, dim=9, num_layers=1, init_std=0.02, start="spectral").weight.detach()
    torch.testing.assert_close(started[[8, 15]], drawn[[8, 15]])  # without edges
    torch.testing.assert_close(started[:, 7:], drawn[:, 7:])  # seven items have seven vectors
    assert not torch.isclose(started[:8, :7], drawn[:8, :7]).any()
    known = [node for node in range(16) if node not in (8, 15)]
    assert 0.01 < started[known, :7].square().mean().sqrt() < 0.03


def test_the_start_follows_the_seed_but_its_products_do_not(graph):
    tables = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        tables.append(EmbeddingTable(graph, dim=3, start="spectral").weight.detach())
    torch.testing.assert_close(tables[0], tables[1])
    products = [table[:8] @ table[9:15].T for table in tables]
    torch.testing.assert_close(products[0] / products[0].norm(), products[2] / products[2].norm())


def test_a_checkpoint_is_loaded_without_the_decomposition_that_it_replaces(graph, monkeypatch):
    task = RankingTask(lambda graph: LightGCN(graph, dim=3, num_layers=1))
    task.bind(graph)
    state = {name: value.clone() for name, value in task.state_dict().items()}

    def again(*given, **options):
        raise AssertionError("decomposed once more")

    monkeypatch.setattr(spectral_init, "decompose", again)
    loaded = RankingTask(lambda graph: LightGCN(graph, dim=3, num_layers=1))
    loaded.bind(graph, state)
    loaded.load_state_dict(state)
    torch.testing.assert_close(
        loaded.recommender.score(torch.arange(3)), task.recommender.score(torch.arange(3))
    )
    with pytest.raises(AssertionError, match="once more"):  # a fit still begins there
        RankingTask(lambda graph: LightGCN(graph, dim=3, num_layers=1)).bind(graph)
