"""Accounts of encoders that propagate without trained transforms: what each purchase sends to its user."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from graphrec.graph import BipartiteGraph
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders.contrastive import SimGCL, XSimGCL
from graphrec.models.encoders.lightgcn import LightGCN
from graphrec.models.reasons.account import Account, Accounts, apart

ENCODERS = (LightGCN, SimGCL, XSimGCL)


def propagates(model: EmbeddingRecommender) -> bool:
    """Tell whether the vectors are propagated linearly, and a score is an inner product of them."""
    encoder = model.encoder
    plain = type(encoder) in ENCODERS and getattr(encoder, "added", None) is None
    return plain and model.decoder.by_factors is not None


def by_messages(model: EmbeddingRecommender, graph: BipartiteGraph, users: Tensor) -> Accounts:
    """Multiply what each purchase sends to its user with the items' vectors.

    A user's vector is ``α_0 e_u + Σ_j Â_uj Σ_l α_l (Â^(l-1) E)_j``. A decoder may bring it to a length, which
    is a factor of all its parts.

    Args:
        model: See `propagates`.
        graph: Has the purchases: the training graph or baskets.
        users: For whom there are accounts.
    """
    single, edges, starts = apart(graph, users)
    place = {int(user): row for row, user in enumerate(users)}
    product = model.decoder.by_factors
    assert product is not None
    with torch.no_grad():
        sent = cast(LightGCN, model.encoder).messages(model.graph, single)
        own = single.relative()  # alone, a basket's size is the weight of its one purchase
        size = graph.strength()[graph.edge_user[edges]]
        sent = sent * (own / size).sqrt()[:, None]
        known = graph is model.graph
        vectors = model.embeddings().user if known else model.encoder.fold_in(model.graph, graph)
        left, right = product.factors(vectors, model.embeddings().item)
        length = (left * vectors).sum(-1) / vectors.square().sum(-1).clamp_min(1e-30)

    @torch.no_grad()
    def account(user: int, items: Tensor) -> Account:
        first, last = int(starts[place[user]]), int(starts[place[user] + 1])
        parts = length[user] * sent[first:last] @ right[items].T
        return Account(graph.edge_item[edges[first:last]], parts)

    return account
