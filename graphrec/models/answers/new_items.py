"""Items that training never saw, ranked beside those that it did: by their features and attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.folding import folding
from graphrec.models.base import Embeddings, Encoder, Recommender
from graphrec.models.embedding import EmbeddingRecommender, item_prior


@runtime_checkable
class EmbedsItems(Protocol):
    """An encoder that can embed items by what is known of them, where `embeds_items` says so."""

    @property
    def embeds_items(self) -> bool:
        """Whether it can, as it was made."""

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Embed items that nobody bought. ``[n, D]``.

        Args:
            graph: The training graph.
            items: ``n`` items of their own with their features and attributes, and no edges.
        """


class _Extended(Encoder):
    """What a trained encoder gave, and below it the vectors of new items.

    Args:
        model: Fitted.
        items: The new items, see `EmbedsItems`.
    """

    def __init__(self, model: EmbeddingRecommender, items: BipartiteGraph) -> None:
        super().__init__()
        assert isinstance(model.encoder, EmbedsItems)
        self.encoder, self.trained = model.encoder, model.graph
        with torch.no_grad():
            self.user, item = model.embeddings()
            self.item = torch.cat([item, model.encoder.embed_items(model.graph, items).to(item)])

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Take what is known."""
        return Embeddings(self.user, self.item)

    @property
    def learns_users(self) -> bool:
        """Whether the trained encoder has a vector for each user."""
        return bool(getattr(self.encoder, "learns_users", False))

    @property
    def describes_users(self) -> bool:
        """Whether features or attributes tell the trained encoder who a user is."""
        return bool(getattr(self.encoder, "describes_users", False))

    @property
    def folds_in(self) -> bool:
        """Whether the trained encoder does."""
        return self.encoder.folds_in

    @property
    def fold_in_note(self) -> str:  # type: ignore[override]  # that of the encoder
        """What the trained encoder says of it."""
        return self.encoder.fold_in_note

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Embed users by their baskets of items of training."""
        return self.encoder.fold_in(self.trained, baskets)

    def own_folding(self, graph: BipartiteGraph) -> Callable[[BipartiteGraph], Tensor]:
        """Fold in as the encoder does, what training decides once."""
        return folding(self.encoder, self.trained)


class WithNewItems(EmbeddingRecommender):
    """A fitted model whose catalogue goes on with new items; what it gives to old ones stays as it was.

    Nobody has bought a new item. Where a model adds the log of the buyers to every score, the mean of that
    over the items of training stands in its place.

    Args:
        model: Fitted, and one for which `embeds_items` holds.
        items: The new items, see `EmbedsItems`.
        catalogue: The training graph with the new items behind the old ones.
    """

    def __init__(self, model: EmbeddingRecommender, items: BipartiteGraph, catalogue: BipartiteGraph) -> None:
        super().__init__(catalogue, _Extended(model, items), model.decoder, model.prior)
        known = item_prior(model.graph)
        self.buyers = torch.cat([known, known.mean().expand(items.num_items)])
        self.eval()

    def item_prior(self) -> Tensor:
        """Compute the log of the buyers of each item, of new ones the mean."""
        return self.buyers


def embeds_items(model: Recommender) -> bool:
    """Tell whether a model can rank items that it was not fitted to."""
    return isinstance(model, EmbeddingRecommender) and bool(getattr(model.encoder, "embeds_items", False))


def with_new_items(
    model: Recommender, train: Interactions, items: BipartiteGraph, ids: IdMap
) -> WithNewItems:
    """Let a fitted model rank new items, too.

    Args:
        model: Fitted.
        train: What it was fitted to.
        items: The new items, with their features and attributes and no edges.
        ids: Of the new items, in the same order.

    Raises:
        TypeError: If it cannot; `embeds_items` says so before.
    """
    if not isinstance(model, EmbeddingRecommender) or not embeds_items(model):
        raise TypeError(f"{type(model).__name__} ranks only the items it was fitted to")
    longer = IdMap(np.concatenate([np.asarray(train.items.ids, dtype=object), ids.ids]))
    catalogue = BipartiteGraph(replace(train, items=longer)).to(model.graph.edge_item.device)
    return WithNewItems(model, items, catalogue)
