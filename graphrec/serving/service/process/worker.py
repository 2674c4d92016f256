"""A process that answers: it reads its settings from the environment, loads the model, and is the app."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from graphrec.errors import InputError
from graphrec.serving.service.answering import Service
from graphrec.serving.service.horizon import Horizon
from graphrec.serving.service.http.app import make_app
from graphrec.serving.service.http.keys import read_keys
from graphrec.serving.service.http.running import Running
from graphrec.serving.service.http.work import Work
from graphrec.serving.service.logs import say, set_up_logs
from graphrec.serving.service.metrics import Metrics
from graphrec.serving.service.process.fleet import Fleet, wanted_at
from graphrec.serving.service.reach import Reach
from graphrec.serving.service.settings import VARIABLE, Settings
from graphrec.serving.service.split import Arm, Split, salt_at
from graphrec.serving.service.versions import Opener, Versions
from graphrec.serving.state.store import Store, StoreDown

_SWITCH = 0.0005
"""Seconds after which a thread that works lets another go on; by itself Python waits ten times as long."""


def application(opener: Callable[[Settings], Opener], store: Callable[[str], Store]) -> FastAPI:
    """Make the application that the server of this process runs, as the environment says.

    Args:
        opener: Makes what loads an export.
        store: Opens what keeps state, by its address.

    Raises:
        InputError: See `prepare`; a process among several says it in one line and ends with
            `STARTUP_FAILURE`, by which the others end, too.
    """
    began, settings = time.perf_counter(), Settings.unpacked(os.environ[VARIABLE])
    set_up_logs()
    sys.setswitchinterval(_SWITCH)
    alone = multiprocessing.parent_process() is None
    if not alone:
        signal.signal(
            signal.SIGHUP, signal.SIG_IGN
        )  # of a terminal, for all; the first process tells the others
    try:
        running = prepare(settings, opener(settings), lambda: store(settings.store))
    except InputError as error:
        if alone:
            raise
        print(f"graphrec: {error}", file=sys.stderr, flush=True)
        sys.exit(STARTUP_FAILURE)
    gc.collect()
    gc.freeze()  # what the model holds lives as long as the process, and need not be looked through again
    models = {arm: versions.now.model.version for arm, versions in running.service.arms.items()}
    say("ready", models=models, seconds=round(time.perf_counter() - began, 2))
    return make_app(running, settings.desk)


def prepare(settings: Settings, opener: Opener, store: Callable[[], Store]) -> Running:
    """Load models and open what answers need.

    Args:
        settings: How the service was asked to run.
        opener: Loads an export.
        store: Opens what keeps state.

    Raises:
        InputError: If a model, the keys or the salt cannot be read.
    """
    metrics = Metrics()
    folder = Path(settings.control or tempfile.mkdtemp(prefix="graphrec-serve-"))
    wanted = wanted_at(folder)
    places: dict[Arm, str] = {"a": settings.model}
    if settings.other is not None:
        places["b"] = settings.other
    arms = {arm: Versions(arm, Path(place), opener, wanted.get(arm)) for arm, place in places.items()}
    split = Split(salt_at(Path(settings.salt)) if settings.salt else b"", settings.share)
    reach = Reach(store, metrics.store_failures.inc)
    horizon = Horizon(reach, settings.budget, settings.max_offers, settings.weeks)
    with suppress(StoreDown):  # it may come up later; an address that names none is told now
        reach.ask(lambda store: store.terms())
    return Running(
        Service(reach, arms, split, horizon, metrics),
        Work(settings.threads, settings.waiting, settings.deadline, metrics),
        metrics,
        Fleet(folder, arms, metrics),
        None if settings.keys is None else read_keys(Path(settings.keys)),
    )
