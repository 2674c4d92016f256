"""What is asked of a live model and what it answers, whoever carries the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from graphrec.models.base import ItemSet
from graphrec.serving.state.events import Event

Basis = Literal["model", "history", "popularity"]
"""What a list rests on: training, what was bought since then too, or what most people buy."""


@dataclass(frozen=True)
class Shopper:
    """For whom something is asked.

    Args:
        user: Id, as text; None for somebody who has none.
        events: What happened since the export, in the order of time.
    """

    user: str | None
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Filter:
    """Which items may be listed.

    Args:
        items: Only these, as text; all if missing.
        exclude: Not these.
        where: Attribute of the items → the values of it that may be listed.
        in_stock: Whether items without a unit on hand are left out, where stock is known.
        item_set: ``new`` leaves out what the shopper bought, ``repeat`` keeps only that.
    """

    items: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)
    in_stock: bool = False
    item_set: ItemSet = "new"


@dataclass(frozen=True)
class Listed:
    """One place of a list; the score is the raw score of the model, or a number of buyers."""

    item: str
    score: float


@dataclass(frozen=True)
class Listing:
    """A list, best first, and what it rests on."""

    items: tuple[Listed, ...]
    basis: Basis


@dataclass(frozen=True)
class Level:
    """A discount that a pair may get, and what is expected of it within the horizon.

    Args:
        rate: Share of the price taken off, in [0, 1).
        probability: Of at least one purchase.
        spend: What it costs the shop, in money.
        value: What it adds for the scenario beyond no discount, in money.
    """

    rate: float
    probability: float
    spend: float
    value: float


@dataclass(frozen=True)
class Candidate:
    """An item that may be offered.

    Args:
        item: Id.
        price: Regular price, money per unit.
        levels: Those that all limits allow, ascending by rate; the first is no discount.
        reason: Why the deepest level is no deeper, in the words of `graphrec.offers.reasons`.
    """

    item: str
    price: float
    levels: tuple[Level, ...]
    reason: str


class Answers(Protocol):
    """What a service asks of a loaded model. It is never changed, so threads may share it.

    ``graphrec.cli.experiment.live.load_live(path)`` loads it and hands it to a service: what builds a model
    of its configuration belongs to the command line.
    """

    @property
    def version(self) -> str:
        """The first 12 digits of the SHA-256 of what was loaded."""

    @property
    def decides_offers(self) -> bool:
        """Whether the export holds prices, calibration and a policy."""

    def knows(self, user: str) -> bool:
        """Tell whether training knew somebody."""

    def knows_item(self, item: str) -> bool:
        """Tell whether an item may be listed."""

    def reads(self, kind: str) -> bool:
        """Tell whether events of that kind change an answer; the others are kept and change none."""

    def names(self, items: Sequence[str]) -> list[str]:
        """Give what items are called, for people to read; the id where nothing is said."""

    def reasons(self, shopper: Shopper, items: Sequence[str]) -> list[str]:
        """Say why each item has its score for a shopper; empty where there is no exact account."""

    def recommend(self, shoppers: Sequence[Shopper], k: int, only: Filter) -> list[Listing]:
        """List the `k` best items of each shopper.

        Raises:
            InputError: If an item, an attribute or a value of the filter is unknown.
        """

    def similar(self, items: Sequence[str], k: int, only: Filter) -> list[Listing]:
        """List the `k` items most like each.

        Raises:
            InputError: If an item is unknown, or the model compares none.
        """

    def candidates(self, shopper: Shopper, k: int, only: Filter) -> list[Candidate]:
        """Work out what each discount on each of the `k` best items of a shopper would bring.

        Raises:
            InputError: If the export decides no offers.
        """

    def purse(self) -> Mapping[str, float] | None:
        """Give the ``budget`` of the horizon, in money, and its ``price``, as the export found them."""

    def bounds(self) -> Mapping[str, float]:
        """Give ``weeks`` and ``max_offers_per_user`` that offers were decided with, where there are any."""

    def stock(self) -> Mapping[str, float]:
        """Give the units on hand of the items of which the export knows them, by id."""
