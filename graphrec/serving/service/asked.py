"""What may be asked of the service; the OpenAPI page is made of these."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from graphrec.serving.live.answers import Filter
from graphrec.serving.state.events import Event

MOST_ITEMS, MOST_SHOPPERS, MOST_EVENTS = 200, 100, 1_000
"""Of one request."""
_NAMED = 10_000
"""Items that a filter may name."""


def _text(value: object) -> object:
    """Refuse what no UTF-8 holds, and the character that ends text in many stores."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("ids are text: write it in quotes")
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= c <= "\udfff" for c in value)):
        raise ValueError("this is no text: it holds a zero character or half of one")
    return value


Id = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=256)]
Key = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=128)]
"""What says that two requests or events are the same one."""
Length = Annotated[int, Field(ge=1, le=MOST_ITEMS, description="Items of each list.")]
Amount = Annotated[float, Field(ge=-1e9, le=1e9)]


class Asked(BaseModel):
    """A part of a request: a field that it does not have is a mistake."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Done(Asked):
    """Something that a shopper did, for one answer alone; `POST /events` keeps it."""

    item: Id
    kind: Key = "purchase"
    quantity: Amount = 1.0


class ForWhom(Asked):
    """A shopper: an id, what was done in this visit, or both."""

    user: Id | None = Field(default=None, description="Id as in the log; none for somebody who has none.")
    events: list[Done] = Field(
        default=[], max_length=MOST_SHOPPERS, description="Beyond those that were posted."
    )


class Narrowed(Asked):
    """Which items may be offered."""

    items: list[Id] | None = Field(default=None, max_length=_NAMED, description="Only these.")
    exclude: list[Id] = Field(default=[], max_length=_NAMED, description="Not these.")
    where: dict[Id, list[Id]] = Field(
        default={}, max_length=20, description="Attribute of the items: its values."
    )
    in_stock: bool = Field(default=False, description="Leave out what is known to have no unit on hand.")

    def filter(self) -> Filter:
        """Say it to the model."""
        return Filter(
            items=None if self.items is None else frozenset(self.items),
            exclude=frozenset(self.exclude),
            where={name: frozenset(values) for name, values in self.where.items()},
            in_stock=self.in_stock,
        )


class Only(Narrowed):
    """Which items may be listed."""

    item_set: Literal["new", "repeat", "all"] = Field(
        default="new", description="By what the shopper bought."
    )

    def filter(self) -> Filter:
        """Say it to the model."""
        return replace(super().filter(), item_set=self.item_set)


class _OfShoppers(Asked):
    user: Id | None = Field(default=None, description="One shopper; `shoppers` names several.")
    events: list[Done] = Field(default=[], max_length=MOST_SHOPPERS)
    shoppers: list[ForWhom] | None = Field(default=None, min_length=1, max_length=MOST_SHOPPERS)

    @model_validator(mode="after")
    def _one_way(self) -> Any:
        if self.shoppers is not None and (self.user is not None or self.events):
            raise ValueError("name one shopper by user and events, or several by shoppers")
        return self

    def people(self) -> list[ForWhom]:
        """List for whom an answer is asked."""
        return self.shoppers or [ForWhom(user=self.user, events=self.events)]


class Recommend(_OfShoppers):
    """Lists for one shopper or several."""

    k: Length = 10
    filter: Only = Field(default=Only())


class Offers(_OfShoppers):
    """Offers for one shopper or several. What is answered is promised, and its money is booked."""

    filter: Narrowed = Field(
        default=Narrowed(), description="What was bought or what is new: as the export was decided."
    )
    k: Length = Field(default=10, description="Items that are weighed for each shopper.")
    most: int = Field(default=1, ge=1, le=20, description="New discounts of this request for each shopper.")
    request_id: Key | None = Field(default=None, description="The same one again answers the same offers.")
    preview: bool = Field(default=False, description="Promise and book nothing; say what would be offered.")

    @model_validator(mode="after")
    def _has_ids(self) -> Any:
        users = [one.user for one in self.people()]
        if None in users:
            raise ValueError("an offer is for a shopper with an id: give user")
        if len(set(users)) < len(users):
            raise ValueError("a shopper stands twice in shoppers")
        return self


class Similar(Asked):
    """Items that are most like others."""

    items: list[Id] = Field(min_length=1, max_length=MOST_SHOPPERS)
    k: Length = 10
    filter: Only = Field(default=Only())


class Told(Asked):
    """One thing that happened."""

    id: Key = Field(description="Told again under this id, it counts once.")
    user: Id
    item: Id
    kind: Key = Field(default="purchase", description="purchase, view, cart, return or a name of your own.")
    time: AwareDatetime | None = Field(default=None, description="With its zone; now, if missing.")
    quantity: Amount = Field(default=1.0, description="Units; below 0 is a return.")
    amount: Amount | None = Field(default=None, description="Money paid for all of them.")
    offer: Key | None = Field(default=None, description="Id of the offer that it answers.")

    @model_validator(mode="after")
    def _in_time(self) -> Any:
        now = dt.datetime.now(dt.UTC)
        if self.time is not None and not 1970 < self.time.year <= now.year + 1:
            raise ValueError("the time is before 1971 or years ahead")
        if self.time is not None and self.time > now + dt.timedelta(days=1):
            raise ValueError("the time is more than a day ahead")
        return self

    def event(self, now: float) -> Event:
        """Say it to the store."""
        time = now if self.time is None else self.time.timestamp()
        parts = (self.id, self.user, self.item, self.kind, time, self.quantity, self.amount, self.offer)
        return Event(*parts)


class Events(Asked):
    """What happened, in any order."""

    events: list[Told] = Field(min_length=1, max_length=MOST_EVENTS)


class Reload(Asked):
    """Which version is to answer."""

    arm: Literal["a", "b"] = Field(
        default="a", description="b is the second model of a split or in the shadow."
    )
    version: Id | None = Field(
        default=None, description="Its name in the folder; the newest there, if missing."
    )
    rollback: bool = Field(default=False, description="Back to the version before.")

    @model_validator(mode="after")
    def _one_way(self) -> Any:
        if self.rollback and self.version is not None:
            raise ValueError("name a version or ask for the one before, not both")
        return self


class Bounds(Asked):
    """Bounds of the horizon that runs; what is missing stays, and null lifts a bound."""

    budget: Annotated[float, Field(ge=0, le=1e12)] | None = None
    max_offers_per_user: Annotated[int, Field(ge=0, le=10_000)] | None = None
    price: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="What a unit of spend must bring, before pacing moves it."
    )


class Trial(Asked):
    """A shopper at the desk, perhaps under other bounds than those in force."""

    user: Id
    k: Length = 10
    most: int = Field(default=3, ge=1, le=20)
    multiplier: Annotated[float, Field(ge=0, le=1e9)] | None = None
    max_offers_per_user: Annotated[int, Field(ge=0, le=10_000)] | None = None
