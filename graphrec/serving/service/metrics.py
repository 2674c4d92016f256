"""What is counted while the service runs, as Prometheus reads it; several processes count together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import inf
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from graphrec.serving.state.store import Purse

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Of the environment: the folder in which processes count; prometheus-client reads it when imported."""
_SECONDS = (0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Metrics:
    """The counters of one process; there is no id of a shopper in any of them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        count, share, last = self._counter, self._histogram, self._last
        self.requests = count("requests", "Answers given", "route", "status")
        self.seconds = share("request_seconds", "Until the answer", _SECONDS, "route")
        self.turned_away = count("turned_away", "Requests refused by a limit", "limit")
        self.store_failures = count("store_failures", "Questions that it did not answer")
        self.degraded = count("degraded", "Answers without the store", "route")
        self.lists = count("lists", "Lists by what they rest on", "basis", "arm")
        self.events = count("events", "Events told", "new")
        self.offers = count("offers", "Items answered, by status", "status", "arm")
        self.shadow = share("shadow_overlap", "Share of a list that the shadow lists, too", _SHARES)
        self.reloads = count("reloads", "Versions taken or refused", "outcome")
        self.spent = last("spent_money", "Booked in this horizon")
        self.budget = last("budget_money", "Of this horizon; infinite without a bound")
        self.multiplier = last("multiplier", "What a unit of spend must bring now")
        self.accepted = last("offers_accepted", "Offers of this horizon that were taken")
        mode: Literal["livesum"] = "livesum"
        self.in_work = Gauge(
            "graphrec_requests_in_work",
            "Answered or waiting now",
            registry=self._registry,
            multiprocess_mode=mode,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"graphrec_{name}", text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, bounds: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"graphrec_{name}", text, labels, registry=self._registry, buckets=bounds)

    def _last(self, name: str, text: str) -> Gauge:
        return Gauge(f"graphrec_{name}", text, registry=self._registry, multiprocess_mode="mostrecent")

    def money(self, purse: Purse) -> None:
        """Show how the money stands."""
        self.spent.set(purse.spent)
        self.budget.set(inf if purse.budget is None else purse.budget)
        self.multiplier.set(purse.multiplier)
        self.accepted.set(purse.accepted)

    def text(self) -> bytes:
        """Write them all, those of other processes included."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
