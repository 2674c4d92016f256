"""Encoders that see feature vectors instead of ids: the articles' ``f(θ, φ; x_u, x_i)``."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn

from graphrec.errors import InputError, check_at_least, check_share
from graphrec.graph import BipartiteGraph
from graphrec.kernels.memory import check_room
from graphrec.models.base import Embeddings, Encoder, Rows


def features_of(graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
    """Take the two feature tables, ``[U, F_u]`` and ``[I, F_i]``.

    Raises:
        InputError: If the data was prepared without features.
    """
    if graph.user_features is None or graph.item_features is None:
        raise InputError(
            "this model reads feature vectors and the data has none",
            column="data.init_args.features",
            hint="set it to a mapping, for example `features: {pca: 32}`",
        )
    return graph.user_features, graph.item_features


def side_of(graph: BipartiteGraph, side: Literal["user", "item"]) -> Tensor:
    """Take the features of one side of a graph of people or products that training never saw. ``[n, F]``.

    Raises:
        InputError: If nothing is said of them.
    """
    features: Tensor | None = getattr(graph, f"{side}_features")
    if features is None:
        what, hint = f"the model reads features, and these {side}s have none", f"give a table of {side}s"
        raise InputError(what, column="features", hint=hint)
    return features


class RawFeatures(Encoder):
    """The standardised feature vectors themselves; all learning is left to the decoder.

    Args:
        graph: Gives the features.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(self, graph: BipartiteGraph) -> None:
        super().__init__()
        features_of(graph)

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Hand the features on."""
        return Embeddings(*features_of(graph))

    describes_users: ClassVar[bool] = True
    """Whether features tell who a user is, without any purchase."""
    embeds_items: ClassVar[bool] = True

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Take the features of the users."""
        return side_of(baskets, "user")

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Take the features of the items."""
        return side_of(items, "item")


class FeatureTowers(Encoder):
    """A perceptron for the users' features (θ) and one for the items' (φ).

    Args:
        graph: Gives the sizes of the features.
        dim: Dimension ``D`` of both outputs.
        hidden: Width of the hidden layer of each tower.
        dropout: Share of the hidden units left out in training.
    """

    reads_weights: ClassVar[bool] = True

    def __init__(self, graph: BipartiteGraph, dim: int = 64, hidden: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        check_at_least(1, dim=dim, hidden=hidden)
        check_share(dropout=dropout)
        user, item = features_of(graph)
        inputs = user.shape[1] + item.shape[1]
        check_room(4 * hidden * (inputs + 2 * dim), hidden=hidden, dim=dim)
        self.user = _tower(user.shape[1], hidden, dim, dropout)
        self.item = _tower(item.shape[1], hidden, dim, dropout)

    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Send each side through its tower."""
        user, item = features_of(graph)
        return Embeddings(self.user(user), self.item(item))

    describes_users: ClassVar[bool] = True
    """Whether features tell who a user is, without any purchase."""
    embeds_items: ClassVar[bool] = True

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Send the features of the users through their tower."""
        found: Tensor = self.user(side_of(baskets, "user"))
        return found

    def embed_items(self, graph: BipartiteGraph, items: BipartiteGraph) -> Tensor:
        """Send the features of the items through their tower."""
        found: Tensor = self.item(side_of(items, "item"))
        return found

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Send the features of the batch through the towers."""
        user_features, item_features = features_of(graph)
        user, item = self.user(user_features[users]), self.item(item_features[items])
        return Rows(user, item, lambda: Embeddings(user, item))


def _tower(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
    )
