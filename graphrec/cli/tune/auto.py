"""``graphrec tune --auto``: closed forms, then trained models, then the weights of the best few."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphrec.cli.tune.bases import Asked, Entry, entry_of
from graphrec.cli.tune.ending import asked as ask
from graphrec.cli.tune.engine import RUNS, Plan, Tuned, search
from graphrec.cli.tune.models import Found
from graphrec.errors import InputError
from graphrec.tuning.budget import Budget, clock
from graphrec.tuning.loop import Told
from graphrec.tuning.workers import Pool

CLOSED = (
    *("popularity", "item_cf", "p3alpha", "rp3beta", "ease", "turbocf", "spectral", "user_cf", "ials"),
    *("linkprop", "sgfcf"),
)
"""Closed forms, the quicker ones first; the budget says how many of them are tried."""
TRAINED = ("lightgcn", "mf")
SHARES = {"closed forms": 0.25, "trained models": 0.35, "fusion, refit and test": 0.40}
"""Of the budget; the last has the refits, which take as long as the fits that they repeat."""
MEMBERS = 5
"""The most models that are fused."""
TUNED = 4
"""The most closed forms that are tuned beyond their defaults: the best of them."""
_WORTH = 2.0
"""How many fits must be in a model's share of the time for it to be tuned beyond its default."""


@dataclass
class Auto:
    """A search over all models that fit a budget.

    Args:
        asked: Data and options of every fit.
        plan: How, with the budget of the whole in seconds.
        pool: Who fits.
        told: Who is told of each trial.
        closed: Closed forms, in their order.
        trained: Trained models, in their order.
    """

    asked: Asked
    plan: Plan
    pool: Pool
    told: Told
    closed: Sequence[str] = CLOSED
    trained: Sequence[str] = TRAINED
    found: Found = field(default_factory=Found)

    def run(self) -> Found:
        """Try models and settings, within the budget.

        Raises:
            InputError: If nothing could be fitted.
        """
        whole = self.plan.budget.seconds
        assert whole is not None
        parts = {name: share * whole for name, share in SHARES.items()}
        print("budget: " + ", ".join(f"{clock(part)} for {name}" for name, part in parts.items()))
        self._phase([entry_of(name, self.asked) for name in self.closed], parts["closed forms"])
        self._phase([entry_of(name, self.asked) for name in self.trained], parts["trained models"])
        if not self.found.tuned:
            raise InputError("no model could be fitted", hint=" ".join(self.found.left_out.values())[:300])
        return self.found

    def _phase(self, entries: Sequence[Entry], seconds: float) -> None:
        """Fit each default once, then tune in the time that is left, in equal parts, what fits it."""
        end = time.monotonic() + seconds
        first: dict[str, float] = {}
        for base, space in entries:
            left = end - time.monotonic()
            if left <= 0:
                self.found.left_out[base.name] = "no time was left for its first fit"
                continue
            if (tuned := self._search((base, space), Budget(1, left))) is not None:
                first[base.name] = tuned.trials[0].outcome.seconds
        self._tune([entry for entry in entries if entry[0].name in first], first, end)

    def _tune(self, entries: Sequence[Entry], first: dict[str, float], end: float) -> None:
        """Tune those of which there is time for more than a fit or two; the others keep their default."""
        left = end - time.monotonic()
        kept = self._worth_tuning(entries)
        while kept and left / len(kept) < _WORTH * max(first[base.name] for base, _ in kept):
            slow = max(kept, key=lambda entry: first[entry[0].name])
            took, would = clock(first[slow[0].name]), clock(max(left, 0) / len(kept))
            print(f"{slow[0].name}: its default stands; a fit took {took} and {would} would be left for it")
            kept.remove(slow)
        for place, entry in enumerate(kept):
            share = (end - time.monotonic()) / (len(kept) - place)
            if share > 0:
                before = next(one for one in self.found.tuned if one.model == entry[0].name)
                self._search(entry, Budget(None, share + before.seconds / len(self.pool.workers)))

    def _worth_tuning(self, entries: Sequence[Entry]) -> list[Entry]:
        """Take those with the best defaults that have settings to try; say which stay behind."""
        places = {one.model: place for place, one in enumerate(self._ranked())}
        wanted = sorted((one for one in entries if one[1].settings), key=lambda one: places[one[0].name])
        for base, _ in wanted[TUNED:]:
            print(f"{base.name}: its default stands; those of {TUNED} others did better")
        return wanted[:TUNED]

    def _search(self, entry: Entry, budget: Budget) -> Tuned | None:
        """Search with a budget; None, with the reason, for a model that cannot be fitted."""
        plan = replace(self.plan, budget=budget, bounds_default=True)
        try:
            tuned = search(*entry, plan, self.pool, self.told)
        except InputError as error:
            if error.file is not None:
                raise
            self.found.left_out[entry[0].name] = str(error)
            return None
        self.found.tuned = [one for one in self.found.tuned if one.model != tuned.model] + [tuned]
        return tuned

    def fuse(self) -> dict[str, float] | None:
        """Find weights of the best few on validation; None where the best single model does as well.

        Returns:
            Weight of each run that counts, by its folder; the fusion of the fits is the run ``fusion``.
        """
        best, monitor = self.found.best, self.found.best.looked.monitor
        members = self.members()
        if len(members) < 2 or not monitor.startswith("val_ndcg_20"):
            print(
                f"no fusion: {'one model alone' if len(members) < 2 else f'it is for NDCG@20, not {monitor}'}"
            )
            return None
        items = monitor.removeprefix("val_ndcg_20").strip("_") or None
        runs = [one.best.run for one in members]
        answer = self._fused(runs, "weights", items)
        value = next(value for key, value in answer["found"].items() if key.startswith("val_ndcg_20"))
        weights = [value for key, value in answer["found"].items() if key.startswith("weight_")]
        told = ", ".join(f"{one.model} {weight:.2f}" for one, weight in zip(members, weights, strict=True))
        alone = f"{best.model} alone {best.best.outcome.value:.4f}"
        print(f"fusion of the best: {monitor} {value:.4f}, {alone}; {told}")
        kept = {run: weight for run, weight in zip(runs, weights, strict=True) if weight > 0}
        return kept if len(kept) > 1 and value > (best.best.outcome.value or 0.0) else None

    def members(self) -> list[Tuned]:
        """Take the best models, one run of each, the best first."""
        return self._ranked()[:MEMBERS]

    def _ranked(self) -> list[Tuned]:
        if not self.found.tuned:
            return []
        sign = -1 if self.found.best.looked.larger else 1
        return sorted(self.found.tuned, key=lambda one: sign * (one.best.outcome.value or 0.0))

    def fused_refits(self, kept: dict[str, float]) -> str:
        """Fit the members again on train and validation, fuse them with their weights; the checkpoint."""
        for run in kept:
            begun = time.monotonic()
            ask(self.pool, self.plan.out, "refit", run=run)
            print(f"refit on train and validation: {run}, {clock(time.monotonic() - begun)}", flush=True)
        return str(self._fused(list(kept), "final", None)["checkpoint"])

    def _fused(self, runs: Sequence[str], own: str, items: str | None) -> dict[str, Any]:
        root = str(self.plan.out / RUNS)
        return ask(
            self.pool, self.plan.out, "fuse", runs=list(runs), name="fusion", root=root, id=own,
            seed=self.plan.seed, items=items,
        )  # fmt: skip
