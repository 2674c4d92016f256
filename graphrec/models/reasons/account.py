"""The account of a score: parts that sum to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.graph import BipartiteGraph


@dataclass(frozen=True)
class Account:
    """What the purchases of one user add to the scores of some items.

    Args:
        bought: Codes of the items that the user bought. Shape ``[n]``.
        parts: What each adds to each score. Shape ``[n, K]``.
    """

    bought: Tensor
    parts: Tensor


class Accounts(Protocol):
    """What tells the accounts of users, by their codes in the graph that it was made for."""

    def __call__(self, user: int, items: Tensor) -> Account:
        """Account for the scores of some items ``[K]``; what is left of a score is no purchase's."""


Scale = Callable[[BipartiteGraph, Tensor], Tensor]
"""By what a purchase alone is to be multiplied: edges ``[E]`` of a graph to ``[E]``."""


def apart(graph: BipartiteGraph, users: Tensor) -> tuple[BipartiteGraph, Tensor, Tensor]:
    """Make a graph in which each purchase of some users is the basket of a user of its own.

    Weights and places in time stay those that the purchases have in their whole basket.

    Args:
        graph: Has the purchases.
        users: Codes. Shape ``[B]``.

    Returns:
        The graph, the edges of `graph` that its users stand for ``[n]``, and where those of each of the
        users begin ``[B + 1]``.
    """
    import pandas as pd

    _, edges = graph.seen.places(users)
    items = graph.edge_item[edges].cpu().numpy()
    columns = {Columns.USER_CODE: np.arange(len(edges)), Columns.ITEM_CODE: items, Columns.WEEK: 1}
    ids = IdMap(np.arange(len(edges))), IdMap(np.arange(graph.num_items))
    single = BipartiteGraph(Interactions(pd.DataFrame(columns), *ids))
    single = single.to(graph.edge_item.device)
    if graph.edge_weight is not None:
        single.edge_weight = graph.edge_weight[edges]
    single.relative_weight = None if graph.relative_weight is None else graph.relative_weight[edges]
    single.edge_place = graph.edge_place if not len(graph.edge_place) else graph.edge_place[edges]
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), graph.seen.counts(users).cpu().cumsum(0)])
    return single, edges, starts


def whole(graph: BipartiteGraph, edges: Tensor) -> Tensor:
    """Take a purchase as it is: scores are sums over purchases. Shape ``[n]``."""
    return torch.ones(len(edges), device=edges.device)
