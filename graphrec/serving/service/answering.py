"""What the service answers, whoever carries the words: lists, similar items, events, offers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphrec.errors import InputError
from graphrec.serving.live.answers import Answers, Candidate, Filter, Listing, Shopper
from graphrec.serving.offers.levels import Made
from graphrec.serving.service import answered, asked
from graphrec.serving.service.horizon import Horizon
from graphrec.serving.service.offering import Offering
from graphrec.serving.service.reach import Reach
from graphrec.serving.service.sentences import sentence
from graphrec.serving.service.split import Arm, Split
from graphrec.serving.service.versions import Loaded, Versions
from graphrec.serving.state.events import Event
from graphrec.serving.state.store import StoreDown

if TYPE_CHECKING:
    from graphrec.serving.service.metrics import Metrics


STORE_DOWN = "store_down: nothing can be booked, so nothing is promised"


class NoOffers(InputError):
    """The model that is loaded decides no offers."""


@dataclass
class Service:
    """Answers from models and a store.

    Args:
        reach: The store.
        arms: Model of each arm; b only where there is a second one.
        split: Deals shoppers out.
        horizon: Bounds of the offers.
        metrics: Counts.
    """

    reach: Reach
    arms: dict[Arm, Versions]
    split: Split
    horizon: Horizon
    metrics: Metrics

    @property
    def shadow(self) -> Answers | None:
        """The second model, where it answers nobody and is only compared."""
        return self.arms["b"].now.model if "b" in self.arms and not self.split.share else None

    def arm_of(self, user: str | None) -> tuple[Arm, Loaded]:
        """Find which model answers a shopper."""
        arm = self.split.arm(user)
        return arm, self.arms[arm].now

    def recommend(self, request: asked.Recommend, request_id: str) -> answered.Lists:
        """List the best items of each shopper.

        Raises:
            InputError: If the filter names what the model does not know.
        """
        shoppers, degraded = self.shoppers(request.people())
        only = request.filter.filter()
        dealt = [self.arm_of(one.user) for one in shoppers]
        lists: list[answered.List | None] = [None] * len(shoppers)
        for arm in self.arms:
            places = [at for at, (its, _) in enumerate(dealt) if its == arm]
            if not places:
                continue
            loaded = dealt[places[0]][1]
            found = loaded.model.recommend([shoppers[at] for at in places], request.k, only)
            for at, listing in zip(places, found, strict=True):
                lists[at] = _listed(shoppers[at].user, listing, by(arm, loaded))
                self.metrics.lists.labels(listing.basis, arm).inc()
        whole = [one for one in lists if one is not None]
        return answered.Lists.model_construct(lists=whole, degraded=degraded, request_id=request_id)

    def compare(self, request: asked.Recommend, answer: answered.Lists) -> None:
        """Ask the model in the shadow the same, and count how much of each list it lists, too."""
        if (model := self.shadow) is None:
            return
        shoppers, _ = self.shoppers(request.people())
        for listing, one in zip(
            model.recommend(shoppers, request.k, request.filter.filter()), answer.lists, strict=True
        ):
            mine, theirs = {place.item for place in one.items}, {place.item for place in listing.items}
            if mine:
                self.metrics.shadow.observe(len(mine & theirs) / len(mine))

    def similar(self, request: asked.Similar, request_id: str) -> answered.Alikes:
        """List what is most like each item.

        Raises:
            InputError: If an item is unknown, or the model compares none.
        """
        arm, loaded = self.arm_of(None)
        found = loaded.model.similar(request.items, request.k, request.filter.filter())
        lists = [
            answered.Alike.model_construct(item=item, items=_places(listing))
            for item, listing in zip(request.items, found, strict=True)
        ]
        return answered.Alikes.model_construct(lists=lists, model=by(arm, loaded), request_id=request_id)

    def post(self, request: asked.Events, request_id: str) -> answered.Posted:
        """Keep events, each once.

        Raises:
            StoreDown: If they cannot be kept; none of them is.
        """
        now = time.time()
        events = [one.event(now) for one in request.events]
        fresh = self.reach.ask(lambda store: store.post(events))
        kept = [self._kept(event, new) for event, new in zip(events, fresh, strict=True)]
        self.metrics.events.labels("yes").inc(sum(fresh))
        self.metrics.events.labels("no").inc(len(fresh) - sum(fresh))
        return answered.Posted.model_construct(events=kept, new=sum(fresh), request_id=request_id)

    def offers(self, request: asked.Offers, request_id: str) -> answered.Offered:
        """Decide and book offers; without the store each item is answered at its price.

        Raises:
            InputError: If the filter names what the model does not know.
            NoOffers: If the model decides none.
        """
        shoppers, degraded = self.shoppers(request.people())
        answers = []
        for shopper in shoppers:
            arm, loaded = self.arm_of(shopper.user)
            candidates = self.candidates(loaded, shopper, request)
            offering = None
            if not degraded:
                try:
                    offering = self.offering(loaded.model, shopper, request, request_id)
                    made = offering.make(candidates, request.preview)
                except StoreDown:
                    offering, degraded = None, True
            if offering is None:
                made = [Made(one, one.item, 0.0, why=STORE_DOWN) for one in candidates]
            answers.append(
                self._offers_of(shopper, made, arm, loaded, None if offering is None else offering.left)
            )
        return answered.Offered.model_construct(answers=answers, degraded=degraded, request_id=request_id)

    def shoppers(self, people: Sequence[asked.ForWhom]) -> tuple[list[Shopper], bool]:
        """Join what was posted of each shopper with what is told now; True if the store did not answer."""
        degraded = False
        joined = []
        for one in people:
            posted: tuple[Event, ...] = ()
            if one.user is not None and not degraded:
                try:
                    posted = self._history(one.user)
                except StoreDown:
                    degraded = True
            joined.append(Shopper(one.user, (*posted, *_told(one))))
        return joined, degraded

    def candidates(
        self, loaded: Loaded, shopper: Shopper, request: asked.Offers | asked.Trial
    ) -> list[Candidate]:
        """Ask the model what discounts would bring.

        Raises:
            NoOffers: If it decides none.
        """
        check_offers(loaded)
        only = request.filter.filter() if isinstance(request, asked.Offers) else Filter(item_set="all")
        return loaded.model.candidates(shopper, request.k, only)

    def offering(
        self, model: Answers, shopper: Shopper, request: asked.Offers | asked.Trial, request_id: str
    ) -> Offering:
        """Prepare the offers of a shopper under the bounds in force.

        Raises:
            StoreDown: If the store does not answer.
        """
        terms = self.horizon.terms(model)
        purse = self.reach.ask(lambda store: store.purse())
        money = float("inf") if purse.budget is None else purse.budget - purse.spent
        own = request.request_id if isinstance(request, asked.Offers) else None
        user = shopper.user or ""
        return Offering(
            self.reach,
            user,
            own or request_id,
            request.most,
            purse.multiplier,
            terms.max_offers_per_user,
            money,
        )

    def _history(self, user: str) -> tuple[Event, ...]:
        return self.reach.ask(lambda store: store.history(user))

    def _kept(self, event: Event, new: bool) -> answered.Kept:
        model = self.arm_of(event.user)[1].model
        return answered.Kept.model_construct(
            id=event.id, new=new, read=model.reads(event.kind), known_item=model.knows_item(event.item)
        )

    def _offers_of(
        self, shopper: Shopper, made: Sequence[Made], arm: Arm, loaded: Loaded, left: int | None
    ) -> answered.OffersOf:
        names = dict(
            zip([one.item for one in made], loaded.model.names([one.item for one in made]), strict=True)
        )
        weeks = self.horizon.length(loaded.model)
        offers = [offer(one, names[one.item], weeks) for one in made]
        for one in offers:
            self.metrics.offers.labels(one.status, arm).inc()
        return answered.OffersOf.model_construct(
            user=shopper.user or "", offers=offers, left=left, model=by(arm, loaded)
        )


def check_offers(loaded: Loaded) -> None:
    """Raise `NoOffers` for a model that decides none."""
    if not loaded.model.decides_offers:
        hint = "export it with `graphrec export RUN --out model.zip --offers`, and reload it"
        raise NoOffers(f"the model {loaded.name} decides no offers", hint=hint)


def offer(made: Made, name: str, weeks: int) -> answered.Offer:
    """Write an offer out."""
    price = None if made.candidate is None else made.candidate.price
    status = "none"
    if made.rate > 0:
        status = "preview" if made.booking is None else "new" if made.fresh else "standing"
    return answered.Offer.model_construct(
        item=made.item,
        name=name,
        rate=made.rate,
        price=None if price is None else round(price, 2),
        price_now=None if price is None else round(price * (1 - made.rate), 2),
        offer=None if made.booking is None else made.booking.id,
        status=status,
        reason=made.why,
        sentence=sentence(name, made.rate, weeks),
    )


def by(arm: Arm, loaded: Loaded) -> answered.By:
    """Say which model answered."""
    return answered.By.model_construct(version=loaded.model.version, arm=arm)


def _listed(user: str | None, listing: Listing, model: answered.By) -> answered.List:
    return answered.List.model_construct(user=user, items=_places(listing), basis=listing.basis, model=model)


def _places(listing: Listing) -> list[answered.Place]:
    return [answered.Place.model_construct(item=one.item, score=one.score) for one in listing.items]


def _told(one: asked.ForWhom) -> list[Event]:
    """Take what is told with a request for events of now; they have no id, for nothing keeps them."""
    now = time.time()
    return [Event("", one.user or "", done.item, done.kind, now, done.quantity) for done in one.events]
