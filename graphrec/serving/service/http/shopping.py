"""The routes that a shop's site and tills ask: lists, offers, similar items, events."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from graphrec.serving.service import answered, asked
from graphrec.serving.service.http import examples
from graphrec.serving.service.http.running import Here, Noted, answer, refusals

BODY = refusals(400, 413, 422, 503, 504)
router = APIRouter(tags=["shop"])


@router.post("/recommend", response_model=answered.Lists, responses=BODY, summary="List the best items")
async def recommend(
    request: Annotated[asked.Recommend, Body(openapi_examples=examples.RECOMMEND)], here: Here, notes: Noted
) -> Response:
    """List the best items of one shopper, or of several.

    `basis` says what a list rests on: `model` is training, `history` is what was posted or told, too.
    `popularity` is what most people buy, for somebody of whom nothing is known.
    """
    lists = await here.work.do(partial(here.service.recommend, request, notes.request_id))
    notes.degraded, notes.version = lists.degraded, lists.lists[0].model.version
    if here.service.shadow is not None:
        here.work.aside(partial(here.service.compare, request, lists))
    return answer(lists)


@router.post(
    "/offers",
    response_model=answered.Offered,
    responses={**BODY, **refusals(409)},
    summary="Offer discounts",
)
async def offers(
    request: Annotated[asked.Offers, Body(openapi_examples=examples.OFFERS)], here: Here, notes: Noted
) -> Response:
    """Offer each shopper what pays most at the price of the budget now; its money is booked.

    An offer that was made stands for the horizon, and is answered again with its id.
    The same `request_id` never makes a second offer, so a request may be sent again after a failure.
    """
    offered = await here.work.do(partial(here.service.offers, request, notes.request_id))
    notes.degraded, notes.version = offered.degraded, offered.answers[0].model.version
    return answer(offered)


@router.post("/similar", response_model=answered.Alikes, responses=BODY, summary="List similar items")
async def similar(
    request: Annotated[asked.Similar, Body(openapi_examples=examples.SIMILAR)], here: Here, notes: Noted
) -> Response:
    """List the items that are most like each of some."""
    alikes = await here.work.do(partial(here.service.similar, request, notes.request_id))
    notes.version = alikes.model.version
    return answer(alikes)


@router.post("/events", response_model=answered.Posted, responses=BODY, summary="Tell what happened")
async def events(
    request: Annotated[asked.Events, Body(openapi_examples=examples.EVENTS)], here: Here, notes: Noted
) -> Response:
    """Keep events, each once by its id; the next answer of the shopper rests on them.

    All of a request are kept, or none: after 503 send it again as it is.
    """
    posted = await here.work.do(partial(here.service.post, request, notes.request_id))
    return answer(posted)
