"""What the service answers; the OpenAPI page is made of these."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from graphrec.serving.live.answers import Basis


class Answered(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class Mistake(Answered):
    """What is wrong, and what to do about it."""

    code: str = Field(description="For programs: stays as it is.")
    message: str
    hint: str
    request_id: str


class Refusal(Answered):
    """Every answer that is none."""

    error: Mistake


class By(Answered):
    """Which model answered."""

    version: str
    arm: Literal["a", "b"]


class Place(Answered):
    """A place of a list, best first."""

    item: str
    score: float


class List(Answered):
    """A list of one shopper."""

    user: str | None
    items: list[Place]
    basis: Basis = Field(description="training, training and what was posted, or what most people buy")
    model: By


class Lists(Answered):
    """Lists in the order of the shoppers."""

    lists: list[List]
    degraded: bool = Field(description="The store did not answer: what was posted is not read.")
    request_id: str


class Alike(Answered):
    """What is like an item."""

    item: str
    items: list[Place]


class Alikes(Answered):
    """Lists in the order of the items."""

    lists: list[Alike]
    model: By
    request_id: str


class Offer(Answered):
    """An item and the discount that one shopper gets on it."""

    item: str
    name: str
    rate: float = Field(description="Share of the price that is taken off.")
    price: float | None = Field(description="Regular price of a unit; null if it is no candidate any more.")
    price_now: float | None
    offer: str | None = Field(description="Id to be given back with the purchase; none without a discount.")
    status: Literal["new", "standing", "preview", "none"] = Field(
        description="promised now, promised before, would be promised, or no discount"
    )
    reason: str
    sentence: str | None = Field(description="For the shopper.")


class Weighed(Answered):
    """What a level of discount would bring."""

    rate: float
    probability: float
    spend: float
    value: float


class OffersOf(Answered):
    """What one shopper is offered: discounts first, then items at their price."""

    user: str
    offers: list[Offer]
    left: int | None = Field(description="Offers that the shopper may still get; none if unbounded.")
    model: By


class Offered(Answered):
    """Offers in the order of the shoppers."""

    answers: list[OffersOf]
    degraded: bool = Field(description="The store did not answer: nothing is promised.")
    request_id: str


class Kept(Answered):
    """What became of an event."""

    id: str
    new: bool = Field(description="False: it was told before, and counts once.")
    read: bool = Field(description="Whether the model reads events of this kind.")
    known_item: bool = Field(description="Whether the model knows the item.")


class Posted(Answered):
    """What became of each event, in their order."""

    events: list[Kept]
    new: int
    request_id: str


class Alive(Answered):
    """The process runs."""

    status: Literal["ok"]


class Ready(Answered):
    """Whether requests are answered, and how well."""

    ready: bool
    store: Literal["up", "down"]
    version: str


class Version(Answered):
    """A model that answers."""

    arm: Literal["a", "b"]
    name: str
    version: str
    since: float = Field(description="Seconds since 1970.")
    decides_offers: bool
    previous: str | None = Field(description="What a rollback would take.")
    there: list[str] = Field(description="Versions in the folder, oldest first.")


class Models(Answered):
    """Which models answer, and whom."""

    models: list[Version]
    share_of_b: float
    shadow: bool
    refused: str | None = Field(description="Why the last reload was not taken.")


class Money(Answered):
    """The horizon that runs, and how its money stands."""

    horizon: str
    ends: float = Field(description="Seconds since 1970.")
    budget: float | None
    spent: float
    price: float | None
    multiplier: float
    max_offers_per_user: int | None
    offers: int
    accepted: int


class Seen(Answered):
    """A place of a list, as people read it."""

    item: str
    name: str
    score: float
    reason: str


class Weighing(Answered):
    """An item at the desk: what it gets now, and what it would get under the bounds that are tried."""

    item: str
    name: str
    price: float | None
    levels: list[Weighed]
    now: float = Field(description="Rate of the offer that would be made now.")
    tried: float
    standing: bool = Field(description="Promised before: no bound changes it.")
    reason: str


class Look(Answered):
    """A shopper at the desk: lists, offers now, and offers under the bounds that are tried."""

    user: str
    known: bool = Field(description="Whether training knew the shopper.")
    events: int = Field(description="Posted of the shopper and kept.")
    basis: Basis
    items: list[Seen]
    offers: list[Weighing]
    decides_offers: bool
    left: int | None
    model: By
