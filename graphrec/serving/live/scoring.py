"""Scores of the catalogue for a shopper, by what is known: training, events since then, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray, Float32Array, IntArray
from graphrec.data.choice.people import most_bought
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.models.answers.baskets import Basket, Baskets
from graphrec.models.answers.folded import FoldedIn, MostBought
from graphrec.models.base import Recommender
from graphrec.serving.data import PackedData
from graphrec.serving.live.answers import Basis, Shopper
from graphrec.serving.live.counting import Counting, Happenings
from graphrec.serving.live.histories import Histories
from graphrec.serving.live.ids import TextIds
from graphrec.serving.newcomers import Described, describes_users, tell_of_users


class Person(NamedTuple):
    """A shopper in codes.

    Args:
        user: Id, empty for somebody without one.
        code: Of training; −1 for somebody whom it does not know.
        basket: What they did in training and since then; None where nothing happened that counts.
    """

    user: str
    code: int
    basket: Basket | None = None


class Scoring:
    """Scores people by a fitted model.

    Args:
        model: Fitted, on the CPU, in evaluation mode.
        data: The export.
        items: Ids of the items.
    """

    def __init__(self, model: Recommender, data: PackedData, items: TextIds) -> None:
        self.model, self.data, self._items = model, data, items
        split = data.split
        self._users = TextIds(split.users)
        counting = Counting.of(split.train, data.weights, data.source.rules)
        self.histories = Histories(split.train, model.graph, counting)
        counts = model.graph.seen.counts(torch.arange(model.graph.num_users)).numpy()
        self._active: BoolArray = (counts > 0) | (data.features is not None)

    def code(self, user: str | None) -> int:
        """Find the code of somebody whom training knows; −1 for others."""
        code = -1 if user is None else self._users.find(user)
        return code if code >= 0 and self._active[code] else -1

    def person(self, shopper: Shopper) -> Person:
        """Bring a shopper into codes, with the events that count."""
        code, user = self.code(shopper.user), shopper.user or ""
        if not shopper.events:
            return Person(user, code)
        happened = self.histories.counting.happened(shopper.events, self._items.find)
        if not happened.rows and (code < 0 or not happened.undone):
            return Person(user, code)
        return Person(user, code, self.histories.basket(code, happened))

    def basis(self, person: Person) -> Basis:
        """Tell what a list of somebody rests on."""
        if person.basket is not None and len(person.basket.items) and self.model.folds_in:
            return "history"
        return "model" if person.code >= 0 else "popularity"

    def scores(self, basis: Basis, people: Sequence[Person]) -> Float32Array:
        """Score the catalogue for some people, who share a basis. Shape ``[n, I]``."""
        ranks, codes = self.recommender(basis, people)
        found: Float32Array = ranks.score(codes).numpy()
        return found

    def recommender(self, basis: Basis, people: Sequence[Person]) -> tuple[Recommender, torch.Tensor]:
        """Find what scores some people, who share a basis, and their codes there. Shape ``[n]``."""
        if basis == "model":
            return self.model, torch.tensor([one.code for one in people])
        graph, codes = self._graph(people), torch.arange(len(people))
        if basis == "history":
            return FoldedIn(self.model, graph), codes
        return MostBought(graph, self._most_bought, torch.full((len(people),), -1)), codes

    def bought(self, person: Person) -> IntArray:
        """List the codes of what somebody bought and did not bring back."""
        if person.basket is None:
            return self.histories.bought(person.code) if person.code >= 0 else np.zeros(0, dtype=np.int64)
        found: IntArray = person.basket.items[person.basket.bought]
        return found

    def _graph(self, people: Sequence[Person]) -> Baskets:
        """Make a graph of what some people did, with attributes and features where the model reads them."""
        nothing = Happenings()
        graph = self.histories.graph_of(
            [self.histories.basket(-1, nothing) if one.basket is None else one.basket for one in people]
        )
        if self._described is not None:
            users = IdMap(np.array([one.user for one in people], dtype=object))
            codes = {Columns.USER_CODE: graph.history_user, Columns.ITEM_CODE: graph.history_item}
            frame = pd.DataFrame({name: column.numpy() for name, column in codes.items()})
            tell_of_users(
                graph, Interactions(frame, users, self.data.split.items), self._described, self.data
            )
        return graph

    @cached_property
    def _described(self) -> Described | None:
        """What tables say of people; None for a model that reads nothing of them but purchases."""
        reads = self.data.features is not None or describes_users(self.model)
        return Described.of(None, self.data) if reads else None

    @cached_property
    def _most_bought(self) -> torch.Tensor:
        """Count the distinct buyers of each item. Shape ``[1, I]``."""
        graph = self.model.graph
        users, items = (one.numpy() for one in graph.bought.pairs(torch.arange(graph.num_users)))
        nobody = np.full(graph.num_users, -1)
        return torch.from_numpy(most_bought(users, items, nobody, 0, graph.num_items)).float()
