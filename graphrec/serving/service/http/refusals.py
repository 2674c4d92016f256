"""Answers that are none: one shape for all of them, with what is wrong and what to do."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from pathlib import PurePath

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from graphrec.errors import InputError
from graphrec.serving.service.answering import NoOffers
from graphrec.serving.service.http.notes import notes_of
from graphrec.serving.state.store import StoreDown

WAIT = "1"
"""Seconds after which to come again, as ``Retry-After`` says it."""
_FRAMES = 4
"""Of a fault that are named in the log."""
_CODES = {
    400: "not_json",
    401: "no_key",
    403: "not_allowed",
    404: "not_found",
    405: "wrong_method",
    409: "not_possible",
    413: "too_large",
    422: "wrong_input",
    503: "busy",
    504: "too_slow",
}
_HINTS = {
    404: "see /docs for what can be asked",
    405: "see /docs for the method of each route",
}


class Refused(HTTPException):
    """What the service does not answer.

    Args:
        status: Of HTTP.
        message: What is wrong.
        hint: What to do about it.
        code: For programs; that of the status if missing.
        headers: Beyond the usual ones.
    """

    def __init__(
        self,
        status: int,
        message: str,
        hint: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.hint, self.code = hint, code or _CODES.get(status, "refused")


def refusal(error: Refused, request_id: str) -> Response:
    """Write a refusal."""
    words = {"code": error.code, "message": error.detail, "hint": error.hint, "request_id": request_id}
    # ASCII alone, so that half a character in a message breaks nothing
    return Response(
        json.dumps({"error": words}), error.status_code, error.headers, media_type="application/json"
    )


def add_refusals(app: FastAPI) -> None:
    """Let every error out in the one shape."""

    async def say(request: Request, error: Exception) -> Response:
        return refusal(_as_refused(error), notes_of(request.scope).request_id)

    for kind in (HTTPException, RequestValidationError, InputError, StoreDown):
        app.add_exception_handler(kind, say)


def _as_refused(error: Exception) -> Refused:
    match error:
        case Refused():
            return error
        case NoOffers():
            return Refused(409, error.message, error.hint or "", "no_offers")
        case InputError():
            return Refused(422, _message(error), error.hint or "see /docs")
        case RequestValidationError():
            return _invalid(error)
        case StoreDown():
            hint = "send it again, it is not kept"
            return Refused(503, "the store does not answer", hint, "store_down", {"Retry-After": WAIT})
        case HTTPException():
            hint = _HINTS.get(error.status_code, "see /docs")
            return Refused(error.status_code, str(error.detail), hint, headers=error.headers)
        case _:
            return our_fault()


def _message(error: InputError) -> str:
    """Say what is wrong, without a path of this machine."""
    return error.message if error.column is None else f"{error.column}: {error.message}"


def _invalid(error: RequestValidationError) -> Refused:
    found = error.errors()
    first = found[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "json_invalid":
        return Refused(400, "the body is no JSON", f"send JSON; it breaks at character {where}")
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    what = str(first["msg"]).removeprefix("Value error, ")
    return Refused(422, f"{where or 'body'}: {what}{more}", "see /docs for what a request holds")


def our_fault() -> Refused:
    """Answer what the service failed to."""
    hint = "the log of the service names its place under this request_id"
    return Refused(500, "this is a mistake of the service", hint, "fault")


def place_of(error: BaseException) -> str:
    """Name type and place of a fault, innermost first, not its words: they may hold the id of a shopper."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"{one.name} ({PurePath(one.filename).name}:{one.lineno})" for one in reversed(frames)]
    return f"{type(error).__name__} in {' < '.join(places)}"
