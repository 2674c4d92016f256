"""What a process holds while it answers, and what its routes take it from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from graphrec.serving.service.answered import Refusal
from graphrec.serving.service.answering import Service
from graphrec.serving.service.http.keys import Keys
from graphrec.serving.service.http.notes import Notes, notes_of
from graphrec.serving.service.http.work import Work
from graphrec.serving.service.metrics import Metrics
from graphrec.serving.service.process.fleet import Fleet

JSON = "application/json"


@dataclass
class Running:
    """A process that answers.

    Args:
        service: Answers.
        work: Bounds of it.
        metrics: Counts.
        fleet: The other processes.
        keys: Who may ask for what; None lets everybody.
    """

    service: Service
    work: Work
    metrics: Metrics
    fleet: Fleet
    keys: Keys | None
    ending: bool = False


async def _running(request: Request) -> Running:
    return cast(Running, request.app.state.running)


async def _notes(request: Request) -> Notes:
    return notes_of(request.scope)


Here = Annotated[Running, Depends(_running)]
Noted = Annotated[Notes, Depends(_notes)]


def answer(model: BaseModel, status: int = 200) -> Response:
    """Write an answer; it is made of the types that the OpenAPI page names, so nothing checks it again."""
    return Response(model.__pydantic_serializer__.to_json(model), status, media_type=JSON)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Name for the OpenAPI page how a route may refuse.

    Args:
        statuses: Beyond those of any route.
    """
    texts = {
        400: "The body is no JSON",
        401: "No key, or an unknown one",
        403: "The key lacks the role",
        404: "There is none",
        409: "The model decides no offers",
        413: "The body is too large",
        422: "Something of the input is wrong",
        500: "A mistake of the service",
        503: "Too many requests, or the store does not answer; come again after `Retry-After` seconds",
        504: "It took longer than the deadline",
    }
    return {status: {"model": Refusal, "description": texts[status]} for status in (401, 403, 500, *statuses)}
