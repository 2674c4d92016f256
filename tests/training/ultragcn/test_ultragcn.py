from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from random_graphs import random_graph
from recommender_suite import block_graph, block_ndcg, fitted_task

from graphrec.errors import InputError
from graphrec.models import EmbeddingTable, LightGCN, Popularity
from graphrec.training import UltraGCNTask
from graphrec.training.ultragcn.weights import degree_weights, item_neighbours


def omega(matrix: np.ndarray) -> np.ndarray:
    common = matrix.T @ matrix
    total = common.sum(axis=1)
    weights = np.zeros_like(common)
    for i, j in np.argwhere(common):
        if i != j:
            weights[i, j] = common[i, j] / (total[i] - common[i, i]) * math.sqrt(total[i] / total[j])
    return weights


def cost(score: float) -> float:
    return math.log1p(math.exp(-score))


def by_hand(task: UltraGCNTask, batch, matrix: np.ndarray) -> float:
    """The sum over edges, sampled items and neighbours, one by one."""
    user, item = (part.detach().double().numpy() for part in task.recommender.embeddings())
    degrees = [np.maximum(matrix.sum(axis=axis), 1) for axis in (1, 0)]
    weights, total = omega(matrix), 0.0
    beta = np.outer(np.sqrt(degrees[0] + 1) / degrees[0], 1 / np.sqrt(degrees[1] + 1))
    scores = user @ item.T + task.prior * np.log((1 + matrix.sum(axis=0)) / (1 + len(matrix)))
    for place, (u, i) in enumerate(zip(batch.users.tolist(), batch.items.tolist(), strict=True)):
        total += (0.1 + 0.7 * beta[u, i]) * cost(scores[u, i])
        sampled = batch.negatives.tolist() if batch.is_shared else batch.negatives[place].tolist()
        total += sum(5.0 * (0.2 + 0.9 * beta[u, j]) * cost(-scores[u, j]) / 4 for j in sampled)
        nearest = np.argsort(-weights[i], kind="stable")[:3]
        total += sum(0.3 * weights[i, j] * cost(scores[u, j]) for j in nearest)
    return total


@pytest.mark.parametrize("sampling", ["pair", "shared"])
@pytest.mark.parametrize("encoder", [EmbeddingTable, LightGCN])
@pytest.mark.parametrize("prior", [0.0, 0.5])
def test_the_loss_is_the_sum_of_the_three_parts(sampling, encoder, prior):
    graph = random_graph(users=12, items=10, rows=60)
    task = UltraGCNTask(
        lambda of: encoder(of, dim=3, init_std=1.0),
        negatives=4,
        sampling=sampling,
        positive=(0.1, 0.7),
        negative=(0.2, 0.9),
        negative_weight=5.0,
        neighbours=3,
        item_weight=0.3,
        prior=prior,
    )
    task.bind(graph)
    batch = task._batch(torch.tensor([3, 0, 11, 3]))
    loss, _ = task._losses(batch)
    matrix = graph.seen_mask(torch.arange(12)).double().numpy()
    assert loss.item() == pytest.approx(by_hand(task, batch, matrix), rel=1e-4)


def test_neighbours_have_the_largest_weights_and_fewer_are_padded():
    graph = random_graph(users=12, items=30, rows=50)
    items, weights = item_neighbours(graph, 8)
    expected = omega(graph.seen_mask(torch.arange(12)).double().numpy())
    np.testing.assert_allclose(weights, -np.sort(-expected, axis=1)[:, :8], rtol=1e-5)
    assert (weights == 0).any()
    held = weights > 0
    rows = torch.arange(30)[:, None].expand(-1, 8)
    np.testing.assert_allclose(weights[held], expected[rows[held], items[held]], rtol=1e-5)
    assert not items[~held].any()


def test_nodes_without_edges_have_finite_weights():
    for weights in degree_weights(random_graph(rows=3)):
        assert weights.isfinite().all()


def test_training_finds_blocks():
    """Popularity reaches 0.13 here."""
    graph = block_graph()
    torch.manual_seed(0)
    task = UltraGCNTask(
        lambda of: EmbeddingTable(of, dim=16),
        learning_rate=0.02,
        negatives=30,
        negative_weight=10.0,
        item_weight=1.0,
    )
    task.bind(graph)
    optimizer = task.configure_optimizers()
    task.train()
    for _ in range(30):
        loss, _ = task._losses(task._batch(torch.arange(graph.num_edges)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert block_ndcg(task.eval()) > 2 * block_ndcg(fitted_task(Popularity, graph=graph))


def test_settings_out_of_their_range_are_refused():
    mistakes = (
        {"positive": (-1.0, 1.0)},
        {"negative": (1.0, -1.0)},
        {"negative_weight": 0.0},
        {"neighbours": 0},
        {"item_weight": -1.0},
    )
    for mistake in mistakes:
        with pytest.raises(InputError, match=f"{next(iter(mistake))}.*is too small"):
            UltraGCNTask(**mistake)
    with pytest.raises(InputError, match="not sampling none"):
        UltraGCNTask(sampling="none", negatives=1)
