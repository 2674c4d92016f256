"""The routes of those who run the service: versions of the model, money of the horizon."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from graphrec.serving.service import answered, asked
from graphrec.serving.service.answering import check_offers
from graphrec.serving.service.http import examples
from graphrec.serving.service.http.refusals import Refused
from graphrec.serving.service.http.running import Here, Noted, Running, answer, refusals
from graphrec.serving.service.logs import say

router = APIRouter(tags=["operate"])


@router.get("/model", response_model=answered.Models, responses=refusals(), summary="Which model answers?")
async def model(here: Here) -> Response:
    """Name the models that answer, and the versions that could."""
    return answer(await asyncio.to_thread(_models, here))


@router.post(
    "/model/reload",
    response_model=answered.Models,
    responses=refusals(400, 413, 422, 503),
    summary="Take another version",
)
async def reload(
    request: Annotated[asked.Reload, Body(openapi_examples=examples.RELOAD)], here: Here, notes: Noted
) -> Response:
    """Load a version and let it answer; the other processes follow within seconds.

    Requests in work end on the version that they began with. One that cannot be loaded is refused, and the
    old one goes on.
    """
    if request.arm not in here.service.arms:
        raise Refused(422, "there is no arm b", "start the service with --split or --shadow")
    await asyncio.to_thread(here.fleet.take, request.arm, request.version, request.rollback)
    loaded = here.service.arms[request.arm].now
    notes.version = loaded.model.version
    return answer(await asyncio.to_thread(_models, here))


@router.get(
    "/budget",
    response_model=answered.Money,
    responses=refusals(409, 503),
    summary="How does the money stand?",
)
async def budget(here: Here) -> Response:
    """Tell bounds and spend of the horizon that runs."""
    return answer(await here.work.do(lambda: money(here)))


@router.post(
    "/budget",
    response_model=answered.Money,
    responses=refusals(400, 409, 413, 422, 503, 504),
    summary="Move the bounds",
)
async def move(
    request: Annotated[asked.Bounds, Body(openapi_examples=examples.BUDGET)], here: Here, notes: Noted
) -> Response:
    """Move bounds of the horizon that runs, for all processes at once. What is missing stays."""
    given = {name: getattr(request, name) for name in request.model_fields_set}
    if not given:
        raise Refused(422, "nothing to move", "give budget, max_offers_per_user or price")

    def moved() -> answered.Money:
        check_offers(here.service.arms["a"].now)
        here.service.horizon.move(here.service.arms["a"].now.model, **given)
        say("bounds", caller=notes.caller, request_id=notes.request_id, **given)
        return money(here)

    return answer(await here.work.do(moved))


def money(here: Running) -> answered.Money:
    """Read the horizon and its money.

    Raises:
        NoOffers: If the model decides none, and so no horizon runs.
        StoreDown: If the store does not answer.
    """
    check_offers(here.service.arms["a"].now)
    terms = here.service.horizon.terms(here.service.arms["a"].now.model)
    purse = here.service.reach.ask(lambda store: store.purse())
    return answered.Money(
        horizon=terms.name,
        ends=terms.starts + terms.seconds,
        budget=purse.budget,
        spent=purse.spent,
        price=terms.price,
        multiplier=purse.multiplier,
        max_offers_per_user=terms.max_offers_per_user,
        offers=purse.offers,
        accepted=purse.accepted,
    )


def _models(here: Running) -> answered.Models:
    service = here.service
    models = [
        answered.Version(
            arm=arm,
            name=versions.now.name,
            version=versions.now.model.version,
            since=versions.now.since,
            decides_offers=versions.now.model.decides_offers,
            previous=versions.previous,
            there=versions.there(),
        )
        for arm, versions in service.arms.items()
    ]
    return answered.Models(
        models=models,
        share_of_b=service.split.share,
        shadow=service.shadow is not None,
        refused=here.fleet.refused,
    )
