"""Answers are worked out by a few threads: the loop stays free to say that there are too many or too slow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from graphrec.serving.service.http.refusals import WAIT, Refused
from graphrec.serving.service.metrics import Metrics

T = TypeVar("T")


class Work:
    """Bounds how much is worked on, and how long anybody waits for it.

    Args:
        threads: That work.
        waiting: Jobs that may be in work or wait; the next one is refused.
        deadline: Seconds after which a job is given up.
        metrics: Counts.
    """

    def __init__(self, threads: int, waiting: int, deadline: float, metrics: Metrics) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="answer")
        self._most, self._deadline, self._metrics = waiting, deadline, metrics
        self._lock, self._jobs = threading.Lock(), 0

    async def do(self, job: Callable[[], T]) -> T:
        """Have a job done.

        Raises:
            Refused: If there are too many jobs, or it takes too long. What it has begun then goes on.
        """
        future = self._begin(job)
        if future is None:
            self._metrics.turned_away.labels("waiting").inc()
            hint = "send it again a little later, or start more workers"
            raise Refused(503, "too many requests wait already", hint, headers={"Retry-After": WAIT})
        awaited = asyncio.wrap_future(future)
        awaited.add_done_callback(_looked_at)
        done, _ = await asyncio.wait([awaited], timeout=self._deadline)
        if not done:
            awaited.cancel()
            self._metrics.turned_away.labels("deadline").inc()
            hint = (
                "ask for less at once, or raise --deadline; with the same request_id no offer is made twice"
            )
            raise Refused(504, f"this took longer than {self._deadline:g} s", hint)
        return awaited.result()

    def aside(self, job: Callable[[], object]) -> bool:
        """Have a job done that nobody waits for, unless half the places are taken."""
        return self._jobs < self._most // 2 and self._begin(job) is not None

    def close(self) -> None:
        """End the threads when their jobs are done; jobs that have not begun are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, job: Callable[[], T]) -> Future[T] | None:
        with self._lock:
            if self._jobs >= self._most:
                return None
            self._jobs += 1
        self._metrics.in_work.inc()
        future = self._pool.submit(job)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: Future[T]) -> None:
        with self._lock:
            self._jobs -= 1
        self._metrics.in_work.dec()


def _looked_at(future: asyncio.Future[T]) -> None:
    """Look at how a job ended that nobody waits for; asyncio would write its error to the log in full."""
    if not future.cancelled():
        future.exception()
