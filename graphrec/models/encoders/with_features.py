"""Features added to the vectors of ids, in any encoder that begins with a table of those."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from graphrec.capabilities import declares
from graphrec.errors import InputError, check_share
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.folding import folding
from graphrec.models.base import Embeddings, Encoder, Rows
from graphrec.models.encoders.added import AddedVectors
from graphrec.models.encoders.features import features_of
from graphrec.models.encoders.lightgcn import LightGCN
from graphrec.models.encoders.table import EmbeddingTable


class WithFeatures(Encoder):
    """Adds a linear map of the features to the table that another encoder begins with.

    So a user or an item is what its id has learnt and what its features say. The map begins at 0: with
    features that say nothing it stays the encoder it was. Who was never seen has the features alone.

    Args:
        graph: Gives the features and the edges.
        encoder: One that begins with a table of ids: EmbeddingTable, LightGCN, GATv2, NGCF and so on.
        id_dropout: Share of the ids left out in each step, so that the features have to do without (Volkovs
            et al., "DropoutNet: addressing cold start in recommender systems", NeurIPS 2017).

    Raises:
        InputError: If the data has no features, or the encoder begins with no table.
    """

    def __init__(
        self,
        graph: BipartiteGraph,
        encoder: Callable[[BipartiteGraph], Encoder] = LightGCN,
        id_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_share(id_dropout=id_dropout)
        features_of(graph)
        inner = encoder(graph)
        if not isinstance(inner, EmbeddingTable):
            what, hint = f"{type(inner).__name__} begins with no table of ids", "choose LightGCN or the like"
            raise InputError(what, column="encoder", hint=hint)
        inner.added = AddedVectors(graph, inner.weight.shape[1], id_dropout)
        self.encoder = inner
        for name in ("reads_weights", "reads_tables"):  # what this one declares, and not its class
            setattr(self, name, declares(inner, name))

    learns_users: ClassVar[bool] = True
    """Whether a user has a vector of their own."""

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Embed as the encoder does, with what is added."""
        embeddings: Embeddings = self.encoder(graph)
        return embeddings

    def ego(self, graph: BipartiteGraph) -> Embeddings:
        """Take the encoder's own start."""
        return self.encoder.ego(graph)

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Embed the users and items of a batch as the encoder does."""
        return self.encoder.rows(graph, users, items)

    def own_sample(self, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        """Take a sample of the encoder."""
        return self.encoder.sample(graph)

    @property
    def folds_in(self) -> bool:
        """Whether the encoder does."""
        return self.encoder.folds_in

    @property
    def fold_in_note(self) -> str:  # type: ignore[override]  # that of the encoder
        """What the encoder says of it."""
        return self.encoder.fold_in_note

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Embed users as the encoder does; their features are those that the baskets carry."""
        return self.encoder.fold_in(graph, baskets)

    def own_folding(self, graph: BipartiteGraph) -> Callable[[BipartiteGraph], Tensor]:
        """Fold in as the encoder does, what training decides once."""
        return folding(self.encoder, graph)

    @property
    def describes_users(self) -> bool:
        """Whether the encoder is told of users by their features."""
        return self.encoder.describes_users

    @property
    def embeds_items(self) -> bool:
        """Whether the encoder does."""
        return self.encoder.embeds_items

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Embed items that nobody bought, by their features."""
        return self.encoder.embed_items(graph, items)
