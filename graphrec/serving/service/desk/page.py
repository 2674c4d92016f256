"""The page of the offers desk, and what it asks for."""

from __future__ import annotations

import secrets
from functools import cache, partial
from typing import Annotated

from fastapi import APIRouter, Body, FastAPI
from jinja2 import ChoiceLoader, Environment, PackageLoader, Template
from starlette.responses import HTMLResponse, Response

from graphrec import __version__
from graphrec.serving.service import answered, asked
from graphrec.serving.service.desk.look import look
from graphrec.serving.service.http import examples
from graphrec.serving.service.http.running import Here, Noted, answer, refusals

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{}'; connect-src 'self'; img-src data:"
)
"""What the page may load: nothing but what it asks the service."""
router = APIRouter(tags=["desk"])


def add_desk(app: FastAPI) -> None:
    """Add the page and its route."""
    app.include_router(router)


@router.get("/desk", response_class=HTMLResponse, include_in_schema=False)
async def desk(here: Here) -> Response:
    """Show the page; what it shows of shoppers and money it asks for with the key of its reader."""
    nonce = secrets.token_urlsafe(16)
    text = _page().render(version=__version__, keyed=here.keys is not None, nonce=nonce)
    guards = {"Content-Security-Policy": POLICY.format(nonce), "X-Frame-Options": "DENY"}
    return HTMLResponse(text, headers={**guards, "Referrer-Policy": "no-referrer"})


@router.post(
    "/desk/look",
    response_model=answered.Look,
    responses=refusals(400, 413, 422, 503, 504),
    summary="Look a shopper up",
)
async def looked(
    request: Annotated[asked.Trial, Body(openapi_examples=examples.LOOK)], here: Here, notes: Noted
) -> Response:
    """Show a shopper with reasons, offers now, and offers under other bounds; nothing is promised."""
    found = await here.work.do(partial(look, here.service, request))
    notes.version = found.model.version
    return answer(found)


@cache
def _page() -> Template:
    """Read the templates; the style is that of the reports."""
    loader = ChoiceLoader(
        [PackageLoader("graphrec.serving.service.desk", ""), PackageLoader("graphrec.report", "templates")]
    )
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("desk.html.j2")
