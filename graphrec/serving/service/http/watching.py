"""The routes that machines ask about the service: is it alive, is it ready, what has it counted."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from graphrec.serving.service import answered
from graphrec.serving.service.http.running import Here, answer, refusals
from graphrec.serving.state.store import StoreDown

router = APIRouter(tags=["watch"])


@router.get("/health", response_model=answered.Alive, summary="Does the process run?")
async def health() -> Response:
    """Answer as long as the process runs."""
    return answer(answered.Alive(status="ok"))


@router.get(
    "/ready",
    response_model=answered.Ready,
    responses={503: {"model": answered.Ready, "description": "It ends, and takes no more requests"}},
    summary="Does it take requests?",
)
async def ready(here: Here) -> Response:
    """Say whether requests should be sent here.

    Without the store it still is: lists rest on training alone, and nothing is offered.
    """
    up = await asyncio.to_thread(_up, here)
    version = here.service.arms["a"].now.model.version
    state = answered.Ready(ready=not here.ending, store="up" if up else "down", version=version)
    return answer(state, 503 if here.ending else 200)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=refusals(),
    summary="What was counted, for Prometheus",
)
async def metrics(here: Here) -> Response:
    """Write the counters of all processes."""
    text = await asyncio.to_thread(_counted, here)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _up(here: Here) -> bool:
    try:
        here.service.reach.ask(lambda store: store.terms())
    except StoreDown:
        return False
    return True


def _counted(here: Here) -> bytes:
    with suppress(StoreDown):  # the last figures stand
        if here.service.reach.ask(lambda store: store.terms()) is not None:
            here.metrics.money(here.service.reach.ask(lambda store: store.purse()))
    return here.metrics.text()
