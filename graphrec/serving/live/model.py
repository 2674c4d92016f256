"""A loaded export that answers one shopper at a time, in a fraction of a millisecond beside the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import torch

from graphrec.arrays import BoolArray, Float32Array, IntArray
from graphrec.errors import InputError
from graphrec.kernels.topk import rank_of, tie_order
from graphrec.models.answers.alike import KnowsAlike, finds_alike
from graphrec.models.base import Recommender, Scores
from graphrec.serving.bundle import fingerprint
from graphrec.serving.data import PackedData
from graphrec.serving.live.answers import Basis, Candidate, Filter, Listed, Listing, Shopper
from graphrec.serving.live.best import best
from graphrec.serving.live.choice import ItemChoices
from graphrec.serving.live.ids import TextIds
from graphrec.serving.live.scoring import Scoring
from graphrec.serving.live.wording import Wording
from graphrec.serving.offers.deciding import Best, LiveOffers, places_of
from graphrec.serving.offers.facts import OfferTerms
from graphrec.serving.state.events import Event

_VERSION = 12


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
        self._items = TextIds(data.split.items)
        self._choices = ItemChoices(self._items, data.source.items)
        self._scoring = Scoring(model, data, self._items)
        self._wording = Wording(self._scoring, self._items)
        self._rank: IntArray = rank_of(tie_order(model.graph.num_items, torch.device("cpu"))).numpy()
        self._version = fingerprint(data.about)[:_VERSION]
        facts = data.offers
        self._offers = None if facts is None else LiveOffers(facts, model.graph, self._items.texts)
        if facts is not None and "stock" in facts.items:
            self._choices.stock = facts.column("stock", np.nan)

    @property
    def version(self) -> str:
        """The first 12 digits of the SHA-256 of what was loaded."""
        return self._version

    @property
    def decides_offers(self) -> bool:
        """Whether the export holds prices, calibration and a policy."""
        return self._offers is not None

    def warm(self) -> None:
        """Work out what all answers share, so that the first one takes no longer than others."""
        bought = Event("", "", self._items.texts[0])
        known = Shopper(str(self.data.split.users.ids[0]))
        self.recommend([known, Shopper(None), Shopper(None, (bought,))], 1, Filter())
        if self._offers is not None:
            self.candidates(known, 1, Filter())

    def knows(self, user: str) -> bool:
        """Tell whether training knew somebody."""
        return self._scoring.code(user) >= 0

    def knows_item(self, item: str) -> bool:
        """Tell whether an item may be listed."""
        return self._items.find(item) >= 0

    def reads(self, kind: str) -> bool:
        """Tell whether events of that kind change an answer; the others are kept and change none."""
        return self._scoring.histories.counting.reads(kind)

    def names(self, items: Sequence[str]) -> list[str]:
        """Give what items are called, for people to read; the id where nothing is said."""
        return self._wording.names(items)

    def reasons(self, shopper: Shopper, items: Sequence[str]) -> list[str]:
        """Say why each item has its score for a shopper; empty where there is no exact account.

        Raises:
            InputError: If an item is unknown.
        """
        codes = [self._choices.code(item) for item in items]
        return self._wording.reasons(self._scoring.person(shopper), codes)

    @torch.no_grad()
    def recommend(self, shoppers: Sequence[Shopper], k: int, only: Filter) -> list[Listing]:
        """List the `k` best items of each shopper.

        Raises:
            InputError: If an item, an attribute or a value of the filter is unknown.
        """
        allowed = self._choices.allowed(only)
        people = [self._scoring.person(one) for one in shoppers]
        together: dict[Basis, list[int]] = {}
        for place, person in enumerate(people):
            together.setdefault(self._scoring.basis(person), []).append(place)
        found: dict[int, Listing] = {}
        for basis, places in together.items():
            scores = self._scoring.scores(basis, [people[place] for place in places])
            for place, row in zip(places, scores, strict=True):
                bought = self._scoring.bought(people[place])
                found[place] = self._listing(row, basis, k, allowed, bought, only)
        return [found[place] for place in range(len(people))]

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

    @torch.no_grad()
    def candidates(self, shopper: Shopper, k: int, only: Filter) -> list[Candidate]:
        """Work out what each discount on each of the `k` best items of a shopper would bring.

        Which set of items is meant, what was bought or what is new, is what the export was decided for;
        `only` narrows it, and its ``item_set`` is not read.

        Raises:
            InputError: If the export decides no offers, or something of the filter is unknown.
        """
        offers, person = self._deciding(), self._scoring.person(shopper)
        scores = self._scoring.scores(self._scoring.basis(person), [person])[0]
        bought = self._scoring.bought(person)
        seen = np.zeros(len(scores), dtype=np.bool_)
        seen[bought] = True
        terms = offers.facts.terms
        meant = {"all": None, "repeat": seen, "new": ~seen}[terms.items]
        for marks in (meant, offers.eligible(person.code)):
            if marks is not None:
                scores[~marks] = -np.inf
        whole, allowed = scores.copy(), self._choices.allowed(only)
        scores[~offers.meant] = -np.inf
        if allowed is not None:
            scores[~allowed] = -np.inf
        items = best(scores, k, self._rank)
        place = places_of(whole, seen, items, self._rank)
        score = scores[items].astype(np.float64)
        user = Best(person.code, person.user, len(bought), items, score, seen[items], place)
        return offers.candidates(user)

    def purse(self) -> Mapping[str, float] | None:
        """Give the ``budget`` of the horizon, in money, and its ``price``, as the export found them.

        None where it decides no offers, or without a bound.
        """
        if self._offers is None or (budget := self._offers.facts.terms.budget) is None:
            return None
        return {"budget": budget, "price": self._offers.facts.terms.price}

    @property
    def terms(self) -> OfferTerms:
        """What offers were decided with: horizon, budget, cap and more.

        Raises:
            InputError: If the export decides no offers.
        """
        return self._deciding().facts.terms

    def bounds(self) -> Mapping[str, float]:
        """Give ``weeks`` and ``max_offers_per_user`` that offers were decided with, where there are any."""
        terms = None if self._offers is None else self._offers.facts.terms
        if terms is None:
            return {}
        found = {"weeks": terms.weeks, "max_offers_per_user": terms.max_offers_per_user}
        return {name: float(value) for name, value in found.items() if value is not None}

    def stock(self) -> Mapping[str, float]:
        """Give the units on hand of the items of which the export knows them, by id."""
        known = self._choices.stock
        if known is None:
            return {}
        there = np.flatnonzero(~np.isnan(known))
        return {self._items.texts[code]: float(known[code]) for code in there}

    def _deciding(self) -> LiveOffers:
        if self._offers is None:
            what = "was exported without what offers are made of"
            hint = "run `graphrec export RUN --out FOLDER --offers --budget MONEY` where the log is"
            raise InputError(what, file=self.data.path, hint=hint)
        return self._offers

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
