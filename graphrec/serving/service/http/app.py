"""The application: routes, what stands before them, and what runs beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi_offline import FastAPIOffline

from graphrec import __version__
from graphrec.serving.service.desk.page import add_desk
from graphrec.serving.service.http import operating, shopping, watching
from graphrec.serving.service.http.guard import Guard
from graphrec.serving.service.http.keys import NEEDS
from graphrec.serving.service.http.refusals import add_refusals
from graphrec.serving.service.http.running import Running
from graphrec.serving.service.logs import complain, say
from graphrec.serving.state.store import StoreDown

ABOUT = """
Ranked items and the discount that a shopper is offered, from a model of `graphrec export`.

What is posted to `/events` changes the next answer of that shopper. Every refusal has one shape, with a
message and a hint. Where the service has keys, send `Authorization: Bearer KEY`.
"""
_TEND = 30.0
"""Seconds between two looks at whether the horizon has ended."""


def make_app(running: Running, desk: bool = False) -> FastAPI:
    """Make the application.

    Args:
        running: What answers.
        desk: Whether it has the offers desk.
    """
    app = FastAPIOffline(
        title="graphrec", version=__version__, description=ABOUT, redoc_url=None, lifespan=_life
    )
    app.state.running = running
    for router in (shopping.router, operating.router, watching.router):
        app.include_router(router)
    if desk:
        add_desk(app)
    add_refusals(app)
    _describe(app, keyed=running.keys is not None)
    if (
        running.keys is None
    ):  # a page from elsewhere must not reach it under a name that leads to this machine
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]", "::1"])
    app.add_middleware(Guard, metrics=running.metrics, keys=running.keys)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    """Keep the horizon open and follow the other processes, as long as the application runs."""
    running: Running = app.state.running
    await asyncio.to_thread(_open_horizon, running)
    beside = [asyncio.create_task(running.fleet.watch()), asyncio.create_task(_tend(running))]
    try:
        yield
    finally:
        running.ending = True
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.to_thread(running.work.close)
        running.service.reach.close()
        say("ended")


async def _tend(running: Running) -> None:
    while True:
        await asyncio.sleep(_TEND)
        await asyncio.to_thread(_open_horizon, running)


def _open_horizon(running: Running) -> None:
    model = running.service.arms["a"].now.model
    if not model.decides_offers:
        return
    try:
        running.service.horizon.terms(model)
    except StoreDown:
        complain("store down", hint="lists rest on training alone, nothing is offered, events are refused")


def _describe(app: FastAPI, keyed: bool) -> None:
    """Say on the OpenAPI page which role each route needs, where there are keys."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        page = plain()
        if keyed:
            scheme = {"key": {"type": "http", "scheme": "bearer"}}
            page.setdefault("components", {})["securitySchemes"] = scheme
        for path, methods in page["paths"].items():
            for operation in methods.values():
                if keyed and (role := NEEDS.get(path)) and "security" not in operation:
                    text = operation.get("description", "")
                    operation["description"] = f"{text}\n\nRole of the key: `{role}`."
                    operation["security"] = [{"key": []}]
                _only_own_422(operation)
        return page

    app.openapi = described  # type: ignore[method-assign]


def _only_own_422(operation: dict[str, Any]) -> None:
    """Leave out the shape of FastAPI's own errors, where it was added by itself."""
    shape = operation.get("responses", {}).get("422", {})
    if "HTTPValidationError" in str(shape):
        del operation["responses"]["422"]
