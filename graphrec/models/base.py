"""What a model is: encoders and decoders that are trained, and recommenders that rank.

Shapes, everywhere in this package: ``B`` batch, ``U`` users, ``I`` items, ``N = U + I`` nodes, ``E`` edges,
``D`` dimension, ``K`` cut-off or number of negatives, ``R`` levels of discount.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, final

import torch
from torch import Tensor, nn

from graphrec.capabilities import written_for
from graphrec.graph import BipartiteGraph
from graphrec.kernels.topk import tie_order, top_candidates

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

KEPT_BYTES = 10**9
"""What a closed-form model fitted is written to checkpoints up to this size; larger ones are fitted again."""

ItemSet = Literal["all", "repeat", "new"]
"""Which items may be ranked for a user: all, those seen in training, those not seen."""


class Embeddings(NamedTuple):
    """Vectors of all users ``[U, D]`` and all items ``[I, D]``."""

    user: Tensor
    item: Tensor

    def at(self, users: Tensor, items: Tensor) -> Embeddings:
        """Take those of some users ``[n]`` and items ``[m]`` alone: ``[n, D]`` and ``[m, D]``."""
        return Embeddings(self.user[users], self.item[items])


class Ranking(NamedTuple):
    """The best items of each user, best first; item −1 with score −inf where a user has fewer.

    ``users [B]``, ``items [B, K]``, ``scores [B, K]``.
    """

    users: Tensor
    items: Tensor
    scores: Tensor


class Rows(NamedTuple):
    """Vectors of some users ``[n, D]`` and items ``[m, D]``, and what gives them before any propagation.

    Only a penalty asks for the latter, and to gather them takes time.
    """

    user: Tensor
    item: Tensor
    ego: Callable[[], Embeddings]

    @classmethod
    def of(cls, embeddings: Embeddings, ego: Embeddings, users: Tensor, items: Tensor) -> Rows:
        """Take some rows of the embeddings of all."""
        return cls(*embeddings.at(users, items), lambda: ego.at(users, items))


class Encoder(nn.Module, ABC):
    """Turns the graph into embeddings.

    Beside `forward`, a class may define `own_rows` and `own_sample`, which do less work than `forward`, and
    `fold_in`, which embeds users that training never saw. They are asked only in a class whose `forward` they
    were written for: a subclass with another `forward` gets the general way until it defines its own. The
    capabilities below are not inherited either (`graphrec.capabilities`).
    """

    static_step: ClassVar[bool] = False
    """Promises that `forward`, `own_rows` and `ego` do the same operations in each step and never wait.

    Only then may a GPU capture a step once and replay it.
    """
    shardable: ClassVar[bool] = False
    """Promises that `shared_table` is all that is learned, and that `rows` works with a part of its rows.

    Only then may processes hold one model together.
    """
    gives_views: ClassVar[bool] = False
    """Whether there are two views of every node, see `ContrastiveEncoder`; inherited as any attribute."""

    @abstractmethod
    def forward(self, graph: BipartiteGraph) -> Embeddings:
        """Embed every user and item."""

    def ego(self, graph: BipartiteGraph) -> Embeddings:
        """Embed without any propagation; L2 regularisation is taken on these embeddings."""
        embeddings: Embeddings = self(graph)
        return embeddings

    @property
    def shared_table(self) -> nn.Parameter | None:
        """A vector for each node, of which a process may hold a part; None where there is no such table."""
        return None

    def distribute(self, mesh: DeviceMesh) -> None:
        """Declare the rows of `shared_table` a part of one that is spread over a mesh."""

    fold_in_note: ClassVar[str] = ""
    """What of `fold_in` is not as if the users had been trained on, in words; empty if nothing."""

    @property
    def folds_in(self) -> bool:
        """Whether `fold_in` holds for this encoder."""
        return written_for(type(self), "fold_in", "forward")

    def fold_in(self, graph: BipartiteGraph, baskets: BipartiteGraph) -> Tensor:
        """Embed users by what they bought; items stay as training left them. ``[n, D]``.

        Args:
            graph: The training graph.
            baskets: ``n`` users of their own, with edges to the same items.

        Raises:
            NotImplementedError: If the encoder cannot; `folds_in` says so before.
        """
        raise NotImplementedError(f"{type(self).__name__} embeds only the users it was trained on")

    @final
    def sample(self, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        """Take vectors of as many users and of items, at most one: what tells a decoder their sizes."""
        kind = type(self) if written_for(type(self), "own_sample", "forward") else Encoder
        return kind.own_sample(self, graph)

    @final
    def rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Embed only the users and items of a batch, by `own_rows` where it fits `forward` and `ego`.

        Args:
            graph: The training graph.
            users: User codes, which may repeat. Shape ``[n]``.
            items: Item codes, which may repeat. Shape ``[m]``.
        """
        kind = type(self) if written_for(type(self), "own_rows", "forward", "ego") else Encoder
        return kind.own_rows(self, graph, users, items)

    def own_sample(self, graph: BipartiteGraph) -> tuple[Tensor, Tensor]:
        """Take what `sample` gives from all embeddings; define it where that can be had for less."""
        embeddings: Embeddings = self(graph)
        return embeddings.user[:1], embeddings.item[:1]

    def own_rows(self, graph: BipartiteGraph, users: Tensor, items: Tensor) -> Rows:
        """Take what `rows` gives from all embeddings; define it where that can be had for less."""
        return Rows.of(self(graph), self.ego(graph), users, items)


class Factored(Protocol):
    """A decoder whose score is the inner product of what it makes of each side."""

    def factors(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        """Make what is multiplied: ``[..., D]`` and ``[..., D]`` to two of the same shapes."""


class Decoder(nn.Module, ABC):
    """Turns the vectors of a user and an item into a raw score."""

    static_step: ClassVar[bool] = False
    """Promises that scoring is the same operations in each step and never waits, see `Encoder`."""
    plain_product: ClassVar[bool] = False
    """Promises that a score is the inner product of the vectors as they are, for `losses.total_square`."""
    scores_directions: ClassVar[bool] = False
    """Promises that scores are logits of a softmax over items, by the directions of the vectors alone."""

    @property
    def by_factors(self) -> Factored | None:
        """This decoder, if its score is the inner product of what it makes of each side; else None."""
        return None

    def hold(self) -> str | None:
        """Stop training its own weights, where processes share none, and say so; None if it cannot."""
        return None

    @abstractmethod
    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Score pairs: ``[..., D]`` and ``[..., D]`` to ``[...]``."""

    @abstractmethod
    def matrix(self, user: Tensor, item: Tensor) -> Tensor:
        """Score every pair: ``[B, D]`` and ``[I, D]`` to ``[B, I]``."""


Scores = Callable[[Tensor], Tensor]
"""From user codes ``[B]`` to raw scores of the whole catalogue ``[B, I]``."""


class Recommender(nn.Module, ABC):
    """The protocol that evaluation, offers, reports and notebooks use, and nothing else.

    Beside `score`, a class may define `fold_in`. It is asked only in a class whose `score` it was written
    for, as with the methods of an `Encoder`.
    """

    graph: BipartiteGraph
    fold_in_note: ClassVar[str] = ""
    """What of `fold_in` is not as if these users had been fitted, in words; empty if nothing."""

    @abstractmethod
    def score(self, users: Tensor) -> Tensor:
        """Compute raw scores of the whole catalogue, never squashed. ``[B]`` user codes to ``[B, I]``.

        The tensor belongs to the caller, who may write to it: it shares no memory with the model, nor its
        rows with one another.
        """

    @property
    def folds_in(self) -> bool:
        """Whether `fold_in` holds for this model."""
        return written_for(type(self), "fold_in", "score")

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Make what scores users who were never trained on, by what they bought; nothing is fitted.

        Args:
            baskets: Users of their own, with edges to the items of the training graph.

        Returns:
            Scores of the users of `baskets`, by their codes there.

        Raises:
            NotImplementedError: If the model cannot; `folds_in` says so before.
        """
        raise NotImplementedError(f"{type(self).__name__} scores only the users it was fitted to")

    @torch.no_grad()
    def recommend(self, users: Tensor, k: int = 20, candidates: ItemSet = "new") -> Ranking:
        """List the `k` best items of each user.

        Args:
            users: User codes. Shape ``[B]``.
            k: Items per user.
            candidates: ``new`` leaves out items the user has bought, ``repeat`` keeps only those.
        """
        values, items = self.lists(users, k, [candidates])[candidates]
        return Ranking(users, items.masked_fill(values.isneginf(), -1), values)

    @torch.no_grad()
    def lists(
        self, users: Tensor, k: int, item_sets: Sequence[ItemSet]
    ) -> dict[ItemSet, tuple[Tensor, Tensor]]:
        """List scores and items of the `k` best of each item set, each ``[B, min(k, I)]``, as of one `score`.

        A score of −inf stands with an arbitrary item where a user has fewer. A model that finds the best
        without scoring the rest may override this.
        """
        scores, seen = self.score(users), self.graph.bought.pairs(users)
        order = tie_order(scores.shape[1], scores.device)
        return {name: top_candidates(scores, seen, name, k, order) for name in item_sets}


class ClosedForm(Recommender):
    """A recommender that needs no gradient: one pass over the graph and it is fitted."""

    made_with: tuple[tuple[Any, ...], dict[str, Any]]
    """The arguments it was made with: what a configuration says of it."""

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Keep the arguments, so that a model made in Python can be written into a configuration."""
        self = super().__new__(cls)
        object.__setattr__(self, "made_with", (args, options))
        return self

    def __init__(self) -> None:
        super().__init__()
        self.register_load_state_dict_pre_hook(_stay_if_absent)  # type: ignore[no-untyped-call]

    @abstractmethod
    def fit(self, graph: BipartiteGraph) -> None:
        """Learn from the graph; called once, before any `score`."""

    def restore(self, graph: BipartiteGraph, state: Mapping[str, Tensor]) -> None:
        """Become again what `fit` made of this graph.

        Fits again, which holds for every model; one that takes long and keeps what it learned in buffers
        may read it from there.

        Args:
            graph: The graph that was fitted.
            state: What `state_dict` held then; empty if nothing was kept.
        """
        self.fit(graph)

    def keep(self, name: str, value: Tensor) -> None:
        """Register a fitted buffer, which checkpoints hold unless it is large."""
        self.register_buffer(name, value, persistent=value.nbytes <= KEPT_BYTES)


def _stay_if_absent(model: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Leave a model that was fitted again as it is if the checkpoint holds nothing of it."""
    if not any(key.startswith(prefix) for key in state):
        state.update({prefix + key: value for key, value in model.state_dict().items()})
