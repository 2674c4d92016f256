"""The loop of a search: begin trials while the budget lasts, hear of epochs, stop, note what came out."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from graphrec.errors import InputError
from graphrec.tuning.budget import Budget, clock
from graphrec.tuning.search import Search
from graphrec.tuning.trials import Outcome, Trial
from graphrec.tuning.workers import Pool, Worker

_GRACE_SECONDS, _GRACE_SHARE = 20.0, 0.25
"""How far beyond its budget a fit without epochs may go before it is ended."""
_WORTH = 0.25
"""Share of a usual trial for which there must be time, for one to begin that can be cut at any epoch."""


class Told(Protocol):
    """Who is told what happens."""

    def known(self, model: str, trials: Sequence[Trial]) -> None:
        """Hear of the trials of a model that an earlier session left, before the first of this one."""

    def begun(self, trial: Trial) -> None:
        """Hear that a trial began."""

    def epoch(self, trial: Trial, epoch: int, value: float) -> None:
        """Hear of an epoch of a trial."""

    def ended(self, trial: Trial) -> None:
        """Hear that a trial ended."""


@dataclass
class _Running:
    """A trial that is being fitted."""

    trial: Trial
    since: float
    before: float
    epochs: int = 0
    why_stopped: str = ""


@dataclass
class Loop:
    """One search with its workers.

    Args:
        search: What is tried.
        pool: Who fits.
        job_of: Makes the job of a trial.
        budget: Of this search, with what earlier sessions took.
        told: Who is told.
        bounds_default: Whether the budget ends even the default, which else has as long as it takes.
        by_epochs: Whether a fit has several epochs; what is fitted at once is whole when it is heard of.
        running: What each worker does.
    """

    search: Search
    pool: Pool
    job_of: Callable[[Trial], Mapping[str, Any]]
    budget: Budget
    told: Told
    bounds_default: bool = False
    by_epochs: bool = True
    running: dict[Worker, _Running] = field(default_factory=dict)

    def run(self) -> None:
        """Try until budget or space is used up.

        Raises:
            InputError: If the default itself cannot be fitted: then nothing can.
        """
        spent = self.search.seconds / len(self.pool.workers)
        self._deadline = (
            None if self.budget.seconds is None else time.monotonic() + self.budget.seconds - spent
        )
        self._begin()
        while self.running:
            for worker, answer in self.pool.wait(1.0):
                self._hear(worker, answer)
            self._end_overdue()
            self._begin()

    @property
    def _left(self) -> float | None:
        return None if self._deadline is None else self._deadline - time.monotonic()

    def _begin(self) -> None:
        """Give every free worker a trial, while there are some and there is time."""
        while (worker := self.pool.free) is not None and (self.search.has_begun or self._may_begin()):
            trial = self.search.propose()
            if trial is None:
                return
            self.running[worker] = _Running(trial, time.monotonic(), trial.outcome.seconds)
            self.told.begun(trial)
            worker.start(self.job_of(trial))

    def _may_begin(self) -> bool:
        """Tell whether there is time for another trial, by what those before took."""
        left, done = self._left, [one for one in self.search.trials if one.outcome.state != "running"]
        if left is None or not (done or self.running):
            return True
        if left <= 0 or not done:
            return left > 0
        usual = statistics.median(one.outcome.seconds for one in done)
        by_epochs = any((one.outcome.epoch or 1) > 1 for one in done)
        return left >= usual * (_WORTH if by_epochs else 1.0)

    def _hear(self, worker: Worker, answer: Mapping[str, Any]) -> None:
        own = self.running[worker]
        if "epoch" in answer:
            worker.send({"stop": self._is_stopped(own, int(answer["epoch"]), float(answer["value"]))})
            return
        del self.running[worker]
        worker.busy = False
        self._finish(own, answer)

    def _is_stopped(self, own: _Running, epoch: int, value: float) -> bool:
        own.epochs += 1
        self.told.epoch(own.trial, epoch, value)
        pruned = self.search.report(own.trial, epoch, value)
        late = self.by_epochs and self._left is not None and self._left <= 0
        own.why_stopped = own.why_stopped or ("pruned" if pruned else "cut" if late else "")
        return bool(own.why_stopped)

    def _finish(self, own: _Running, answer: Mapping[str, Any]) -> None:
        seconds = own.before + time.monotonic() - own.since
        trial = replace(own.trial, outcome=_outcome(own, answer, seconds), run=str(answer.get("run", "")))
        self.search.finish(trial)
        self.told.ended(trial)
        if trial.number == 0 and self.search.defaults is not None and trial.outcome.state == "infeasible":
            what = f"{trial.model}: its default cannot be fitted: {trial.outcome.why}"
            raise InputError(what)

    def _end_overdue(self) -> None:
        """End fits without epochs that go on far beyond the budget; the default has as long as it takes."""
        left = self._left
        if left is None or self.budget.seconds is None:
            return
        grace = max(_GRACE_SECONDS, _GRACE_SHARE * self.budget.seconds)
        for worker, own in list(self.running.items()):
            if left < -grace and (own.trial.number > 0 or self.bounds_default):
                worker.end()
                del self.running[worker]
                took = clock(time.monotonic() - own.since)
                self._finish(
                    own, {"failed": f"ended after {took}, beyond the budget of {clock(self.budget.seconds)}"}
                )


def _outcome(own: _Running, answer: Mapping[str, Any], seconds: float) -> Outcome:
    if "died" in answer:
        why = "its process was ended by the system, as where memory runs out"
        return Outcome("infeasible", seconds=seconds, why=f"{why} (exit code {answer['died']})")
    if "failed" in answer:
        return Outcome("infeasible", seconds=seconds, why=str(answer["failed"]))
    value, epoch = answer["value"], answer.get("best_epoch")
    if value is None:
        return Outcome("infeasible", epoch=epoch, seconds=seconds, why="what is watched was no number")
    return Outcome(own.why_stopped or "complete", value, epoch, seconds)  # type: ignore[arg-type]
