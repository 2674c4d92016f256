"""The store as the service asks it: one that is down is not asked again at once, so nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from graphrec.serving.state.store import Store, StoreDown

T = TypeVar("T")
REST = 0.5
"""Seconds without a question after one that was not answered."""


class Reach:
    """Asks a store, and opens it when it is first asked; where that fails, again later.

    Args:
        opener: Opens the store.
        failed: Called when it does not answer.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        opener: Callable[[], Store],
        failed: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opener, self._failed, self._clock = opener, failed, clock
        self._store: Store | None = None
        self._until, self._lock = float("-inf"), threading.Lock()

    def ask(self, question: Callable[[Store], T]) -> T:
        """Ask, unless the store has just failed to answer.

        Raises:
            StoreDown: If it does not answer, or rests; what was asked has not happened.
        """
        if self._clock() < self._until:
            raise StoreDown("it did not answer a moment ago")
        try:
            answer = question(self._opened())
        except StoreDown:
            self._until = self._clock() + REST
            if self._failed is not None:
                self._failed()
            raise
        self._until = float("-inf")
        return answer

    def close(self) -> None:
        """Let the store go."""
        if self._store is not None:
            self._store.close()

    def _opened(self) -> Store:
        if self._store is None:
            with self._lock:
                if self._store is None:
                    self._store = self._opener()
        return self._store
