"""What a measure of lists is computed of: the lists of some users, and what is known of their items.

Measures are named where no torch is loaded; so nothing here imports it, and all is done by the methods of the
tensors that are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from graphrec.graph import BipartiteGraph


@dataclass(frozen=True)
class Categories:
    """The category of each item, such as its department.

    Args:
        column: The attribute that names it.
        names: The categories.
        of_item: Place in `names` of each item's. Shape ``[I]``.
    """

    column: str
    names: tuple[str, ...]
    of_item: Tensor


@dataclass(frozen=True)
class Lists:
    """The lists of users who have something to find, cut at K.

    Args:
        users: Codes of the users. Shape ``[n]``.
        items: Codes of what is listed, best first, −1 where a list is shorter. Shape ``[n, K]``, or
            ``[n, I]`` where the catalogue is smaller.
        hits: 1.0 where the user bought what is listed, else 0.0. Shape of `items`.
        relevant: How many items each user has to find. Shape ``[n]``.
        information: Bits that an item tells, ``−log2`` of the share of users who bought it in training. Shape
            of `items`.
        popularity: Place of an item among all, the one with the most buyers in training first: 0, 1, …. Shape
            of `items`.
        k: The cut-off ``K``.
        graph: The training graph.
        categories: Of the items, where the data name an attribute for them.
    """

    users: Tensor
    items: Tensor
    hits: Tensor
    relevant: Tensor
    information: Tensor
    popularity: Tensor
    k: int
    graph: BipartiteGraph
    categories: Categories | None = None

    @cached_property
    def listed(self) -> Tensor:
        """True where a list has an item. Shape of `items`."""
        return self.items >= 0

    @cached_property
    def length(self) -> Tensor:
        """How many items a list has. Shape ``[n]``."""
        return self.listed.sum(dim=1)

    @cached_property
    def found(self) -> Tensor:
        """How many of the user's items are listed. Shape ``[n]``."""
        return self.hits.sum(dim=1)

    @cached_property
    def place(self) -> Tensor:
        """1, 2, … of the places of a list. Shape ``[K]``."""
        return self.hits.new_ones(self.hits.shape[1]).cumsum(0)

    @cached_property
    def discount(self) -> Tensor:
        """What NDCG gives to a hit at each place. Shape ``[K]``."""
        return 1.0 / (self.place + 1.0).log2()
