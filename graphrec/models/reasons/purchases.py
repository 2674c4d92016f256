"""Accounts of models that are linear in what a user bought: each purchase is scored alone, exactly.

A score of `ItemCF`, `SLIM`, random walks, `TurboCF`, `EASE`, `EDLAE` and `Spectral` is a sum over purchases.
That of `LinkProp` has the user's degree as one more factor. `UserKNN` and `IALS` are linear once the
neighbours, or the user's equations, are given (Hu, Koren and Volinsky, ICDM 2008, sec. 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from graphrec.graph import BipartiteGraph
from graphrec.kernels.sparse_rows import SparseRows
from graphrec.models.base import Recommender
from graphrec.models.filters.link_prop import LinkProp
from graphrec.models.ials import IALS
from graphrec.models.linear import EASE, EDLAE
from graphrec.models.neighbours import ItemCF, UserKNN
from graphrec.models.random_walk import P3alpha, RP3beta
from graphrec.models.reasons.account import Account, Accounts, apart, whole
from graphrec.models.slim import SLIM
from graphrec.models.spectral import Spectral
from graphrec.models.turbo_cf import TurboCF

SUMS = (ItemCF, SLIM, P3alpha, RP3beta, TurboCF, EASE, EDLAE, Spectral)
"""Models whose score is a sum over purchases."""


def by_parts(model: Recommender, graph: BipartiteGraph, users: Tensor) -> Accounts:
    """Score each purchase alone; the score of a basket is their sum.

    Args:
        model: One of `SUMS`, or `LinkProp`.
        graph: Has the purchases: the training graph or baskets.
        users: For whom there are accounts.
    """
    single, edges, starts = apart(graph, users)
    scores, place = model.fold_in(single), {int(user): row for row, user in enumerate(users)}
    scale = whole(graph, edges)
    if isinstance(model, LinkProp):
        degree = model.user_degree if graph is model.graph else graph.seen.counts(users).float()
        each = degree[users] if graph is model.graph else degree
        scale = (each.clamp_min(1) ** -model.alpha).repeat_interleave(starts.diff().to(each.device))

    @torch.no_grad()
    def account(user: int, items: Tensor) -> Account:
        first, last = starts[place[user]], starts[place[user] + 1]
        codes = torch.arange(int(first), int(last), device=items.device)
        parts = scores(codes)[:, items] * scale[codes, None]
        return Account(graph.edge_item[edges[codes]], parts)

    return account


def by_neighbours(model: UserKNN, graph: BipartiteGraph, users: Tensor) -> Accounts:
    """Share each neighbour's say among the purchases that make it one.

    Args:
        model: Fitted.
        graph: The training graph: whose neighbours are kept.
        users: For whom there are accounts; any of the graph.
    """
    bought = SparseRows(model.bought.scipy()).scipy()

    def account(user: int, items: Tensor) -> Account:
        weights, mine = model.weights.scipy()[[user]], bought[[user]]
        near = weights.indices
        common = bought[near][:, mine.indices].toarray() * mine.data
        total = common.sum(axis=1, keepdims=True)
        shares = common / total * weights.data[:, None]
        parts = shares.T @ bought[near][:, items.cpu().numpy()].toarray()
        return Account(torch.from_numpy(mine.indices).long(), torch.from_numpy(parts).float())

    return account


def by_equations(model: IALS, graph: BipartiteGraph, users: Tensor) -> Accounts:
    """Solve the user's equations for each purchase's part of the right side.

    Args:
        model: Fitted.
        graph: Has the purchases: the training graph or baskets.
        users: For whom there are accounts; any of the graph.
    """
    item = model.item.double()
    shared = model.unobserved * item.T @ item

    @torch.no_grad()
    def account(user: int, items: Tensor) -> Account:
        _, edges = graph.seen.places(torch.tensor([user]))
        codes = graph.edge_item[edges]
        weight = torch.ones(len(codes)) if graph.edge_weight is None else graph.edge_weight[edges]
        weight, mine = weight.double().to(item.device), item[codes]
        ridge = model.regularisation * (weight.sum() + model.unobserved * len(item)) ** model.scaling
        system = shared + (mine.T * weight) @ mine + ridge * torch.eye(item.shape[1], dtype=item.dtype)
        vectors = torch.linalg.solve(system, (mine * weight[:, None]).T).T
        return Account(codes, (vectors @ item[items].T).float())

    return account


def known_kinds() -> Mapping[type, Any]:
    """Map each model to what makes its accounts."""
    return {**dict.fromkeys((*SUMS, LinkProp), by_parts), UserKNN: by_neighbours, IALS: by_equations}
