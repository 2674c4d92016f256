from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.features.build import Features
from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph, ItemLists

USERS, ITEMS = 13, 9


def interactions(seed: int = 0, rows: int = 60, **columns) -> Interactions:
    """Random rows with repeats; the last user and the last item have none."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"user": rng.integers(USERS - 1, size=rows), "item": rng.integers(ITEMS - 1, size=rows)}
    ).assign(**columns)
    return Interactions(frame, IdMap(np.arange(USERS)), IdMap(np.arange(ITEMS)))


def dense_adjacency(train: Interactions) -> torch.Tensor:
    """``D^-1/2 A D^-1/2`` with nodes without edges left at zero, from the definition."""
    adjacency = torch.zeros(USERS + ITEMS, USERS + ITEMS, dtype=torch.float64)
    for user, item in zip(train.frame["user"], train.frame["item"], strict=True):
        adjacency[user, USERS + item] = adjacency[USERS + item, user] = 1.0
    degree = adjacency.sum(1)
    root = torch.where(degree > 0, degree.rsqrt(), 0.0)
    return root[:, None] * adjacency * root[None]


def test_propagation_is_the_product_with_the_normalised_adjacency():
    train = interactions()
    x = torch.randn(USERS + ITEMS, 5, generator=torch.Generator().manual_seed(0))
    expected = dense_adjacency(train) @ x.double()
    torch.testing.assert_close(BipartiteGraph(train).propagate(x).double(), expected, atol=1e-6, rtol=1e-5)


def test_gradient_of_propagation_is_that_of_the_dense_product():
    train = interactions()
    graph, dense = BipartiteGraph(train), dense_adjacency(train).float()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(USERS + ITEMS, 5, generator=generator, requires_grad=True)
    weight = torch.randn(USERS + ITEMS, 5, generator=generator)
    (ours,) = torch.autograd.grad((weight * graph.propagate(graph.propagate(x))).sum(), x)
    (theirs,) = torch.autograd.grad((weight * (dense @ (dense @ x))).sum(), x)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_lists_know_what_they_contain():
    train = interactions()
    graph = BipartiteGraph(train)
    users = torch.arange(USERS)
    asked = torch.arange(ITEMS).expand(USERS, ITEMS)
    assert torch.equal(graph.seen.contains(users, asked), graph.seen_mask(users))
    keys = users[:, None] * ITEMS + asked
    assert torch.equal(graph.seen._among_keys(keys), graph.seen_mask(users))  # as a GPU does it
    empty = ItemLists(np.empty((0, 2), dtype=np.int64), USERS, ITEMS)
    assert not empty.contains(users, asked).any()
    assert graph.seen.contains(users[:0], asked[:0]).shape == (0, ITEMS)


def test_edges_are_the_distinct_pairs_of_train_sorted():
    train = interactions()
    graph = BipartiteGraph(train)
    edges = list(zip(graph.edge_user.tolist(), graph.edge_item.tolist(), strict=True))
    assert edges == sorted({*zip(train.frame["user"], train.frame["item"], strict=True)})
    assert graph.num_edges == len(edges) < len(train)
    assert graph.item_degree().tolist() == [sum(i == item for _, i in edges) for item in range(ITEMS)]
    index = graph.edge_index
    assert index.shape == (2, 2 * len(edges))
    assert {*map(tuple, index.T.tolist())} == {
        pair for u, i in edges for pair in ((u, USERS + i), (USERS + i, u))
    }


def test_edges_are_kept_once_in_memory():
    graph = BipartiteGraph(
        Interactions(interactions().frame.drop_duplicates(), IdMap(np.arange(USERS)), IdMap(np.arange(ITEMS)))
    )
    assert graph.edge_item.data_ptr() == graph.seen.items.data_ptr() == graph.history_item.data_ptr()
    assert graph.edge_user.is_contiguous()
    assert (
        graph.edge_item.data_ptr() - graph.edge_user.data_ptr() == 8 * graph.num_edges
    )  # the pairs, uncopied


def test_history_keeps_each_week_once_and_without_weeks_each_row():
    rows = 60
    weeks = np.random.default_rng(1).integers(1, 3, size=rows)
    weekly = interactions(week=weeks)
    graph = BipartiteGraph(weekly)
    assert graph.has_weeks
    history = zip(
        *(t.tolist() for t in (graph.history_user, graph.history_item, graph.history_week)), strict=True
    )
    columns = (weekly.frame[name].tolist() for name in ("user", "item", "week"))
    assert sorted(history) == sorted({*zip(*columns, strict=True)})
    plain = BipartiteGraph(interactions())
    assert not plain.has_weeks
    assert len(plain.history_week) == rows
    assert not plain.history_week.any()


def test_lists_mask_what_a_loop_masks():
    train = interactions()
    pairs = {*map(tuple, train.pairs().tolist())}
    lists = ItemLists(train.pairs(), USERS, ITEMS)
    users = torch.tensor([3, USERS - 1, 0, 3, 11])
    expected = [[(user, item) in pairs for item in range(ITEMS)] for user in users.tolist()]
    assert lists.mask(users).tolist() == expected
    assert lists.counts(users).tolist() == [sum(row) for row in expected]
    rows, items = lists.pairs(users)
    assert list(zip(rows.tolist(), items.tolist(), strict=True)) == [
        (row, item) for row, line in enumerate(expected) for item in range(ITEMS) if line[item]
    ]
    assert BipartiteGraph(train).seen_mask(users).tolist() == expected


def test_lists_may_be_empty():
    lists = ItemLists(np.zeros((0, 2), dtype=np.int64), 4, 3)
    assert not lists.mask(torch.arange(4)).any()
    assert lists.mask(torch.arange(0)).shape == (0, 3)


def test_copies_and_moves_propagate_alike_and_save_nothing():
    graph = BipartiteGraph(interactions())
    x = torch.randn(USERS + ITEMS, 3)
    expected = graph.propagate(x)
    twin = copy.deepcopy(graph)
    graph.adjacency.values.zero_()
    assert torch.equal(twin.propagate(x), expected)
    assert torch.equal(twin.to("cpu").propagate(x), expected)
    assert twin.state_dict() == {}
    assert not list(twin.parameters())


def test_features_are_buffers_and_may_be_missing():
    user, item = np.ones((USERS, 2), np.float32), np.zeros((ITEMS, 3), np.float32)
    graph = BipartiteGraph(interactions(), Features(user, item, ["a", "b"], ["c", "d", "e"]))
    assert graph.user_features.shape == (USERS, 2)
    assert {"user_features", "item_features"} <= {name for name, _ in graph.named_buffers()}
    assert BipartiteGraph(interactions()).user_features is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("storage", [torch.float32, torch.bfloat16])
def test_propagation_on_the_gpu_is_that_on_the_cpu(storage):
    graph, nodes = BipartiteGraph(interactions()), torch.tensor([3, 0, 3, USERS])
    x = torch.randn(USERS + ITEMS, 8, requires_grad=True)
    found = []
    for device in ("cpu", "cuda"):
        place, at = copy.deepcopy(graph).to(device), x.to(device)
        filtered, signal_at = place.filter_nodes(at, [0.5, 1.0, 2.0], nodes.to(device), storage)
        own = signal_at()
        (gradient,) = torch.autograd.grad((filtered * own).sum(), x)
        found += [(place.propagate(at), place.filter(at, [0.5, 1.0, 2.0], storage), filtered, own, gradient)]
    half = storage == torch.bfloat16
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(
            theirs.cpu(), ours, atol=0.1 if half else 1e-5, rtol=0.02 if half else 1e-5
        )
