"""The horizon of offers: it is opened when the service starts, and the next one when it ends."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace

from graphrec.serving.live.answers import Answers
from graphrec.serving.service.reach import Reach
from graphrec.serving.state.store import Store, Terms

WEEK = 7 * 86_400.0


class Horizon:
    """Keeps a horizon open in the store.

    Args:
        reach: The store.
        budget: Money of each horizon; None takes that of the export.
        max_offers: For a shopper in each; None takes that of the export.
        weeks: How long each is; None takes what the export was decided for, or one.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        reach: Reach,
        budget: float | None,
        max_offers: int | None,
        weeks: int | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reach, self._clock = reach, clock
        self.budget, self.max_offers, self.weeks = budget, max_offers, weeks

    def terms(self, model: Answers) -> Terms:
        """Give the terms that run now, after opening them if the last ones are over.

        Those that run stay as they are, however the service was started: money was promised by them, and
        somebody may have moved them since.

        Args:
            model: Has budget, price, cap and stock as the export found them.

        Raises:
            StoreDown: If the store does not answer.
        """
        return self._reach.ask(lambda store: self._kept(store, model))

    def length(self, model: Answers) -> int:
        """Give the weeks of a horizon."""
        return self.weeks or int(model.bounds().get("weeks", 1))

    def move(self, model: Answers, **bounds: float | None) -> Terms:
        """Change bounds of the horizon that runs: ``budget``, ``price``, ``max_offers_per_user``."""
        terms = self.terms(model)
        moved: Terms = replace(terms, **bounds)  # type: ignore[arg-type]
        self._reach.ask(lambda store: store.open(moved))
        return moved

    def _kept(self, store: Store, model: Answers) -> Terms:
        now, last = self._clock(), store.terms()
        if last is not None and last.starts <= now < last.starts + last.seconds:
            return last
        terms = self._next(now, last, model)
        store.open(terms)
        return terms

    def _next(self, now: float, last: Terms | None, model: Answers) -> Terms:
        """Begin on the Monday of this week; what the last horizon ended with goes on, unless it was told."""
        day = dt.datetime.fromtimestamp(now, dt.UTC)
        monday = day.replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(days=day.weekday())
        starts = max(monday.timestamp(), last.starts + last.seconds if last else 0.0)
        year, week, _ = dt.datetime.fromtimestamp(starts, dt.UTC).isocalendar()
        purse, bounds = model.purse() or {}, model.bounds()
        budget = self.budget if self.budget is not None else last.budget if last else purse.get("budget")
        most = self.max_offers
        if most is None:
            most = last.max_offers_per_user if last else _whole(bounds.get("max_offers_per_user"))
        return Terms(
            name=f"{year}-W{week:02d}",
            budget=budget,
            price=purse.get("price") or None,
            starts=starts,
            seconds=WEEK * self.length(model),
            max_offers_per_user=most,
            stock=model.stock(),
        )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
