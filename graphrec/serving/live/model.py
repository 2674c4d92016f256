"""A loaded export that answers one shopper at a time, in a fraction of a millisecond beside the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray, Float32Array, IntArray
from graphrec.data.choice.people import most_bought
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.errors import InputError
from graphrec.kernels.topk import rank_of, tie_order
from graphrec.models.answers.alike import KnowsAlike, finds_alike
from graphrec.models.answers.baskets import Basket, Baskets
from graphrec.models.base import Recommender, Scores
from graphrec.serving.bundle import fingerprint
from graphrec.serving.data import PackedData
from graphrec.serving.live.answers import Basis, Candidate, Filter, Listed, Listing, Shopper
from graphrec.serving.live.best import best
from graphrec.serving.live.choice import ItemChoices
from graphrec.serving.live.counting import Counting, Happenings
from graphrec.serving.live.histories import Histories
from graphrec.serving.live.ids import TextIds
from graphrec.serving.newcomers import Described, describes_users, tell_of_users

NO_OFFERS = "was exported without offers, so there are no prices, no calibration and no policy"
_VERSION = 12


class Person(NamedTuple):
    """A shopper in codes.

    Args:
        user: Id, empty for somebody without one.
        code: Of training; −1 for somebody whom it does not know.
        happened: Since then.
    """

    user: str
    code: int
    happened: Happenings


class LiveModel:
    """Answers for an export; see `graphrec.serving.live.answers.Answers`.

    Who is known and did nothing that counts since training gets the scores of the model. Who did something
    that counts is folded in: training and events together, as one history; `Counting` says what counts.
    Who is not known is folded in by the events alone, or gets what most people bought. A model that cannot
    fold in answers by training, and what was bought since is not new.

    Args:
        model: Fitted, on the CPU, in evaluation mode.
        data: The export.
    """

    def __init__(self, model: Recommender, data: PackedData) -> None:
        self.model, self.data = model, data
        split = data.split
        self._users, self._items = TextIds(split.users), TextIds(split.items)
        self._choices = ItemChoices(self._items, data.source.items)
        self._histories = Histories(
            split.train, model.graph, Counting.of(split.train, data.weights, data.source.rules)
        )
        size = model.graph.num_items
        self._rank: IntArray = rank_of(tie_order(size, torch.device("cpu"))).numpy()
        counts = model.graph.seen.counts(torch.arange(model.graph.num_users)).numpy()
        self._active: BoolArray = (counts > 0) | (data.features is not None)
        self._version = fingerprint(data.about)[:_VERSION]

    @property
    def version(self) -> str:
        """The first 12 digits of the SHA-256 of what was loaded."""
        return self._version

    @property
    def decides_offers(self) -> bool:
        """Whether the export holds prices, calibration and a policy."""
        return False

    def knows(self, user: str) -> bool:
        """Tell whether training knew somebody."""
        return self._code(user) >= 0

    @torch.no_grad()
    def recommend(self, shoppers: Sequence[Shopper], k: int, only: Filter) -> list[Listing]:
        """List the `k` best items of each shopper.

        Raises:
            InputError: If an item, an attribute or a value of the filter is unknown.
        """
        allowed = self._choices.allowed(only)
        people = [self._person(one) for one in shoppers]
        found: list[Listing | None] = [None] * len(people)
        for basis, places in self._by_basis(people).items():
            scores = self._scores(basis, [people[place] for place in places])
            for place, row in zip(places, scores, strict=True):
                bought = self._bought(people[place])
                found[place] = self._listing(row, basis, k, allowed, bought, only)
        return [one for one in found if one is not None]

    @torch.no_grad()
    def similar(self, items: Sequence[str], k: int, only: Filter) -> list[Listing]:
        """List the `k` items most like each.

        Raises:
            InputError: If an item is unknown, or the model compares none.
        """
        allowed, codes = self._choices.allowed(only), [self._choices.code(item) for item in items]
        if not codes:
            return []
        scores = self._alike(torch.tensor(codes)).numpy()
        scores[scores == 0] = -np.inf
        alone = (np.array([code]) for code in codes)
        return [
            self._listing(row, "model", k, allowed, itself, Filter())
            for row, itself in zip(scores, alone, strict=True)
        ]

    def candidates(self, shopper: Shopper, k: int, only: Filter) -> list[Candidate]:
        """Work out what each discount on each of the `k` best items of a shopper would bring.

        Raises:
            InputError: If the export decides no offers.
        """
        raise InputError(NO_OFFERS, file=self.data.path, hint="export it with --offers")

    def purse(self) -> Mapping[str, float] | None:
        """Give the ``budget`` of the horizon, in money, and its ``price``, as the export found them."""
        return None

    def _code(self, user: str | None) -> int:
        code = -1 if user is None else self._users.find(user)
        return code if code >= 0 and self._active[code] else -1

    def _person(self, shopper: Shopper) -> Person:
        code, happened = self._code(shopper.user), Happenings()
        if shopper.events:
            happened = self._histories.counting.happened(shopper.events, self._items.find)
        return Person(shopper.user or "", code, happened if code >= 0 or happened.rows else Happenings())

    def _by_basis(self, people: Sequence[Person]) -> dict[Basis, list[int]]:
        """Share places of people out by what their lists rest on."""
        found: dict[Basis, list[int]] = {}
        for place, person in enumerate(people):
            basis: Basis = "model" if person.code >= 0 else "popularity"
            if person.happened and self.model.folds_in and len(self._basket(person).items):
                basis = "history"
            found.setdefault(basis, []).append(place)
        return found

    def _basket(self, person: Person) -> Basket:
        return self._histories.basket(person.code, person.happened)

    def _scores(self, basis: Basis, people: Sequence[Person]) -> Float32Array:
        """Score the catalogue for some people, who share a basis. Shape ``[n, I]``."""
        if basis == "popularity":
            return self._most_bought[None].repeat(len(people), axis=0)
        if basis == "model":
            scores = self.model.score(torch.tensor([one.code for one in people]))
        else:
            graph = self._histories.graph_of([self._basket(one) for one in people])
            if self._described is not None:
                self._describe(graph, people)
            scores = self.model.fold_in(graph)(torch.arange(len(people)))
        found: Float32Array = scores.numpy()
        return found

    @cached_property
    def _described(self) -> Described | None:
        """What tables say of people; None for a model that reads nothing of them but purchases."""
        reads = self.data.features is not None or describes_users(self.model)
        return Described.of(None, self.data) if reads else None

    def _describe(self, graph: Baskets, people: Sequence[Person]) -> None:
        """Put attributes and features of people into a graph of what they did."""
        assert self._described is not None
        users = IdMap(np.array([one.user for one in people], dtype=object))
        codes = {Columns.USER_CODE: graph.history_user.numpy(), Columns.ITEM_CODE: graph.history_item.numpy()}
        rows = Interactions(pd.DataFrame(codes), users, self.data.split.items)
        tell_of_users(graph, rows, self._described, self.data)

    def _bought(self, person: Person) -> IntArray:
        """List the codes of what somebody bought and did not bring back."""
        if not person.happened:
            return self._histories.bought(person.code) if person.code >= 0 else np.zeros(0, dtype=np.int64)
        basket = self._basket(person)
        found: IntArray = basket.items[basket.bought]
        return found

    def _listing(
        self,
        scores: Float32Array,
        basis: Basis,
        k: int,
        allowed: BoolArray | None,
        bought: IntArray,
        only: Filter,
    ) -> Listing:
        """Rank a row of scores, which is written to."""
        if only.item_set == "repeat":
            kept = np.full_like(scores, -np.inf)
            kept[bought] = scores[bought]
            scores = kept
        elif only.item_set == "new":
            scores[bought] = -np.inf
        if allowed is not None:
            scores[~allowed] = -np.inf
        texts = self._items.texts
        codes = best(scores, k, self._rank)
        listed = zip(codes.tolist(), scores[codes].tolist(), strict=True)
        return Listing(tuple(Listed(texts[code], score) for code, score in listed), basis)

    @cached_property
    def _most_bought(self) -> Float32Array:
        """Count the distinct buyers of each item. Shape ``[I]``."""
        graph = self.model.graph
        users, items = (one.numpy() for one in graph.bought.pairs(torch.arange(graph.num_users)))
        nobody = np.full(graph.num_users, -1)
        found: Float32Array = most_bought(users, items, nobody, 0, graph.num_items)[-1].astype(np.float32)
        return found

    @cached_property
    def _alike(self) -> Scores:
        """Make once what tells how alike items are.

        Raises:
            InputError: If the model does not know.
        """
        if not finds_alike(self.model) or not isinstance(self.model, KnowsAlike):
            what = f"{type(self.model).__name__} does not know which items are alike"
            hint = "export a run of item_cf, ease, spectral, ials, lightgcn or another model of items"
            raise InputError(what, file=self.data.path, hint=hint)
        return self.model.alike()
