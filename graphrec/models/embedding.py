"""The recommender behind every trained model: an encoder and a decoder over one graph."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from graphrec.graph import BipartiteGraph
from graphrec.models.base import Decoder, Embeddings, Encoder, Recommender


class EmbeddingRecommender(Recommender):
    """Scores ``decoder(encoder(graph))``; in evaluation mode the embeddings are computed once.

    Args:
        graph: The training graph.
        encoder: Graph to embeddings.
        decoder: Embeddings to raw scores.
    """

    def __init__(self, graph: BipartiteGraph, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.graph, self.encoder, self.decoder = graph, encoder, decoder
        self._cached: Embeddings | None = None
        with torch.no_grad():  # decoders with lazy layers take their sizes here
            decoder(*encoder.sample(graph))

    def embeddings(self) -> Embeddings:
        """Vectors of every user and item, with gradients in training mode only."""
        if self.training:
            embeddings: Embeddings = self.encoder(self.graph)
            return embeddings
        if self._cached is None:
            with torch.no_grad():
                self._cached = self.encoder(self.graph)
        return self._cached

    def train(self, mode: bool = True) -> EmbeddingRecommender:
        """Switch the mode and forget the cached embeddings."""
        self._cached = None
        return nn.Module.train(self, mode)

    def _apply(self, *arguments: Any, **options: Any) -> Self:
        """Forget the cached embeddings when the weights move to another device or type."""
        self._cached = None
        super()._apply(*arguments, **options)  # type: ignore[no-untyped-call]
        return self

    def _load_from_state_dict(self, *arguments: Any, **options: Any) -> None:
        """Forget the cached embeddings when the weights are replaced."""
        self._cached = None
        super()._load_from_state_dict(*arguments, **options)

    def score(self, users: Tensor) -> Tensor:
        """Raw scores of the whole catalogue. Shape ``[B, I]``."""
        user, item = self.embeddings()
        return self.decoder.matrix(user[users], item)
