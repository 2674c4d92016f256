"""The recommender behind every trained model: an encoder and a decoder over one graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from graphrec.capabilities import declares
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.kernels.inner_products import inner_products
from graphrec.kernels.search import ItemIndex, is_worthwhile
from graphrec.kernels.topk import tie_order
from graphrec.models.answers.alike import cosines_of
from graphrec.models.answers.folding import Folding, folding
from graphrec.models.answers.refined import SOLVED, refined
from graphrec.models.base import Decoder, Embeddings, Encoder, ItemSet, Recommender, Scores


class EmbeddingRecommender(Recommender):
    """Scores ``decoder(encoder(graph))``; in evaluation mode the embeddings are computed once.

    Args:
        graph: The training graph.
        encoder: Graph to embeddings.
        decoder: Embeddings to raw scores.
        prior: Weight of ``log(1 + buyers)`` of an item beside what the decoder gives; see `RankingTask`.

    Raises:
        InputError: If an inner product is asked for of vectors of different lengths; or if the encoder takes
            the place of a method that only asks for its own.
    """

    def __init__(self, graph: BipartiteGraph, encoder: Encoder, decoder: Decoder, prior: float = 0.0) -> None:
        super().__init__()
        for name in ("rows", "sample"):
            if getattr(type(encoder), name) is not getattr(Encoder, name):
                what = f"{type(encoder).__name__} defines {name}, which only asks for what an encoder defines"
                raise InputError(what, column="encoder", hint=f"call it own_{name}")
        self.graph, self.encoder, self.decoder = graph, encoder, decoder
        self.prior = prior
        self._cached: Embeddings | None = None
        self._factors: tuple[Tensor, Tensor] | None = None
        self._index: ItemIndex | None = None
        self._folding: Folding | None = None
        with torch.no_grad():  # decoders with lazy layers take their sizes here
            user, item = encoder.sample(graph)
            if decoder.by_factors is not None and user.shape[-1] != item.shape[-1]:
                what = f"vectors of {user.shape[-1]} columns for users and {item.shape[-1]} for items"
                hint = "choose MLP, or features of equal width"
                raise InputError(f"{what} have no inner product", column="decoder", hint=hint)
            decoder(user, item)

    def embeddings(self) -> Embeddings:
        """Compute vectors of every user and item, with gradients in training mode only."""
        if self.training:
            embeddings: Embeddings = self.encoder(self.graph)
            return embeddings
        if self._cached is None:
            with torch.no_grad():
                self._cached = self.encoder(self.graph)
        return self._cached

    def train(self, mode: bool = True) -> EmbeddingRecommender:
        """Switch the mode and forget the cached embeddings."""
        self._forget()
        return nn.Module.train(self, mode)

    def _apply(self, *arguments: Any, **options: Any) -> Self:
        """Forget the cached embeddings when the weights move to another device or type."""
        self._forget()
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self

    def _load_from_state_dict(self, *arguments: Any, **options: Any) -> None:
        """Forget the cached embeddings when the weights are replaced."""
        self._forget()
        super()._load_from_state_dict(*arguments, **options)

    def _forget(self) -> None:
        self._cached = self._factors = self._index = self._folding = None

    def score(self, users: Tensor) -> Tensor:
        """Compute raw scores of the whole catalogue. Shape ``[B, I]``."""
        if (found := self._ranking_factors()) is not None:
            return inner_products(found[0][users], found[1])
        user, item = self.embeddings()
        scores = self.decoder.matrix(user[users], item)
        return scores + self.prior * self.item_prior() if self.prior else scores

    def item_prior(self) -> Tensor:
        """Compute what is known of each item before anything is known of a user. Shape ``[I]``."""
        return item_prior(self.graph)

    @property
    def folds_in(self) -> bool:
        """Whether the encoder can embed users it was not trained on."""
        return self.encoder.folds_in and super().folds_in

    @property
    def fold_in_note(self) -> str:  # type: ignore[override]  # that of the encoder
        """What the encoder says of it, and whether vectors are fitted to the baskets."""
        return "; ".join(filter(None, [self.encoder.fold_in_note, SOLVED if self._refines else ""]))

    @property
    def _refines(self) -> bool:
        """Whether a user has a vector of their own, of which the decoder reads the direction."""
        own = bool(getattr(self.encoder, "learns_users", False))
        return own and declares(self.decoder, "scores_directions")

    @torch.no_grad()
    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Embed the users of the baskets, and decode them with the items as they are."""
        if self._folding is None or self.training:
            self._folding = folding(self.encoder, self.graph)
        users, items = self._folding(baskets), self.embeddings().item
        if self._refines:
            prior = self.prior * self.item_prior()
            users = refined(users, baskets, self.decoder, items, prior)
        product, known = self.decoder.by_factors, self._ranking_factors()
        if product is None or known is None:
            return lambda codes: self._decoded(users[codes], items)
        left, _ = product.factors(users, items[:1])
        if self.prior:
            left = torch.cat([left, left.new_ones(len(left), 1)], dim=-1)
        return lambda codes: inner_products(left[codes], known[1])

    @torch.no_grad()
    def _decoded(self, users: Tensor, items: Tensor) -> Tensor:
        scores = self.decoder.matrix(users, items)
        return scores + self.prior * self.item_prior() if self.prior else scores

    def __getstate__(self) -> dict[str, Any]:
        """Collect all but what folds in, for a copy."""
        return self.__dict__ | {"_folding": None}

    def alike(self) -> Scores:
        """Take cosines of the items' embeddings."""
        return cosines_of(self.embeddings().item)

    def _ranking_factors(self) -> tuple[Tensor, Tensor] | None:
        """Make once what is multiplied in ranking; None in training and for other decoders."""
        product = self.decoder.by_factors
        if product is None or self.training:
            return None
        if self._factors is None:
            with torch.no_grad():
                self._factors = product.factors(*self.embeddings())
                if self.prior:
                    self._factors = with_offset(*self._factors, self.prior * self.item_prior())
        return self._factors

    @torch.no_grad()
    def lists(
        self, users: Tensor, k: int, item_sets: Sequence[ItemSet]
    ) -> dict[ItemSet, tuple[Tensor, Tensor]]:
        """List the best items; for inner products over a large catalogue without scoring all of it."""
        found = self._ranking_factors()
        if "repeat" in item_sets or found is None or not is_worthwhile(found[1], k):
            return super().lists(users, k, item_sets)
        user, item = found
        if self._index is None:
            self._index = ItemIndex(item, tie_order(len(item), item.device))
        seen = {"all": None, "new": self.graph.bought.pairs(users)}
        return {name: self._index.top(user[users], k, seen[name]) for name in item_sets}


def item_prior(graph: BipartiteGraph) -> Tensor:
    """Compute ``log(1 + buyers)`` of each item: what is known before anything is known of a user. ``[I]``."""
    return graph.item_degree().float().log1p()


def with_offset(user: Tensor, item: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
    """Write a summand of each item as one more factor: ``[..., D]`` twice and ``[I]`` to ``[..., D + 1]``."""
    ones = user.new_ones(*user.shape[:-1], 1)
    return torch.cat([user, ones], dim=-1), torch.cat([item, offset.to(item)[..., None]], dim=-1)
