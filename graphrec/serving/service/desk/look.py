"""A shopper as the desk shows them: the list with reasons, the offers now, the offers under other bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphrec.serving.live.answers import Candidate, Filter, Shopper
from graphrec.serving.offers.levels import Made
from graphrec.serving.service import answered, asked
from graphrec.serving.service.answering import Service, by
from graphrec.serving.service.offering import Offering
from graphrec.serving.service.versions import Loaded


def look(service: Service, request: asked.Trial) -> answered.Look:
    """Look a shopper up; nothing is promised.

    Raises:
        StoreDown: If the store does not answer.
    """
    history = service.reach.ask(lambda store: store.history(request.user))
    shopper = Shopper(request.user, history)
    arm, loaded = service.arm_of(request.user)
    (listing,) = loaded.model.recommend([shopper], request.k, Filter())
    items = [place.item for place in listing.items]
    told = zip(listing.items, loaded.model.names(items), loaded.model.reasons(shopper, items), strict=True)
    seen = [
        answered.Seen(item=place.item, name=name, score=place.score, reason=reason)
        for place, name, reason in told
    ]
    offers, left = _offers(service, loaded, shopper, request) if loaded.model.decides_offers else ([], None)
    return answered.Look(
        user=request.user,
        known=loaded.model.knows(request.user),
        events=len(history),
        basis=listing.basis,
        items=seen,
        offers=offers,
        decides_offers=loaded.model.decides_offers,
        left=left,
        model=by(arm, loaded),
    )


def _offers(
    service: Service, loaded: Loaded, shopper: Shopper, request: asked.Trial
) -> tuple[list[answered.Weighing], int | None]:
    """Weigh the items twice: under the bounds in force, and under those that are tried."""
    candidates = service.candidates(loaded, shopper, request)
    now = service.offering(loaded.model, shopper, request, "desk")
    made = now.make(candidates, preview=True)
    left = None if now.cap is None else now.left
    tried = {one.item: one for one in _tried(now, request).make(candidates, preview=True)}
    known = {one.item: one for one in candidates}
    return _written(loaded, made, tried, known), left


def _tried(now: Offering, request: asked.Trial) -> Offering:
    """Put the bounds that are tried in the place of those in force."""
    tried = now
    if request.multiplier is not None:
        tried = replace(tried, multiplier=request.multiplier)
    if request.max_offers_per_user is not None:
        tried = replace(tried, cap=request.max_offers_per_user)
    return replace(tried, money=math.inf) if tried is not now else tried


def _written(
    loaded: Loaded, made: Sequence[Made], tried: Mapping[str, Made], known: Mapping[str, Candidate]
) -> list[answered.Weighing]:
    names = loaded.model.names([one.item for one in made])
    return [
        answered.Weighing(
            item=one.item,
            name=name,
            price=round(known[one.item].price, 2) if one.item in known else None,
            levels=_levels(known.get(one.item)),
            now=one.rate,
            tried=tried[one.item].rate,
            standing=one.booking is not None,
            reason=tried[one.item].why,
        )
        for one, name in zip(made, names, strict=True)
    ]


def _levels(candidate: Candidate | None) -> list[answered.Weighed]:
    return [
        answered.Weighed(rate=level.rate, probability=level.probability, spend=level.spend, value=level.value)
        for level in (candidate.levels if candidate is not None else ())
    ]
