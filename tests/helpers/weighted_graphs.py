"""Small random graphs whose edges have weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph


def interactions(users=15, items=12, rows=90, seed=0) -> Interactions:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"user": rng.integers(users, size=rows), "item": rng.integers(items, size=rows)})
    frame["week"] = rng.integers(1, 9, size=rows)
    return Interactions(frame, IdMap(np.arange(users)), IdMap(np.arange(items)))


def ratings(train: Interactions, seed=1) -> np.ndarray:
    """A rating from 1 to 5 for each edge, with a fraction, so that no two similarities tie."""
    return np.random.default_rng(seed).uniform(1, 5, len(train.pairs())).astype(np.float32)


def weighted(weight, train: Interactions | None = None) -> BipartiteGraph:
    train = interactions() if train is None else train
    size = len(train.pairs())
    return BipartiteGraph(replace(train, edge_weight=np.broadcast_to(weight, size).astype(np.float32)))


def rated(seed=1, scale=1.0, **sizes) -> BipartiteGraph:
    train = interactions(**sizes)
    return weighted(scale * ratings(train, seed), train)


def matrix(graph: BipartiteGraph) -> np.ndarray:
    """The interaction matrix, written pair by pair."""
    dense = np.zeros((graph.num_users, graph.num_items))
    weight = torch.ones(graph.num_edges) if graph.edge_weight is None else graph.edge_weight
    for user, item, one in zip(graph.edge_user, graph.edge_item, weight, strict=True):
        dense[user, item] = one
    return dense
