"""The loop: pruned, cut, ended and infeasible trials, of workers with a script and a false clock."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphrec.tuning.loop as module
from graphrec.errors import InputError
from graphrec.tuning.budget import Budget
from graphrec.tuning.loop import Loop
from graphrec.tuning.search import Rules, Search
from graphrec.tuning.settings import Range
from graphrec.tuning.space import Space

SPACE = Space(Path("space.yaml"), (Range("x", 0.0, 1.0),))


class Clock:
    """A clock that only stands still or is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Scripted:
    """A worker whose fits give a value per epoch, each of which takes a second of the clock."""

    def __init__(self, clock: Clock, fits: list) -> None:
        self.clock, self.fits, self.busy, self.stopped = clock, fits, False, False
        self.begun: list[dict] = []

    def start(self, job) -> None:
        self.busy, self.stopped, self.epoch, self.fit = True, False, 0, self.fits[len(self.begun)]
        self.begun.append(job)

    def send(self, content) -> None:
        self.stopped = content["stop"]

    def answer(self) -> dict | None:
        if not isinstance(self.fit, list):
            return self.fit
        self.clock.now += 1
        if self.stopped or self.epoch == len(self.fit):
            best = max(self.fit[: self.epoch])
            return {"value": best, "best_epoch": self.fit.index(best) + 1, "run": "r"}
        self.epoch += 1
        return {"epoch": self.epoch, "value": self.fit[self.epoch - 1]}

    def end(self) -> int:
        self.busy = False
        return -9


class OnePool:
    def __init__(self, worker: Scripted) -> None:
        self.workers = [worker]

    @property
    def free(self):
        return None if self.workers[0].busy else self.workers[0]

    def wait(self, seconds):
        answer = self.workers[0].answer()
        if answer is None:
            self.workers[0].clock.now += seconds
            return []
        return [(self.workers[0], answer)]


class Silent:
    def known(self, model, trials) -> None: ...
    def begun(self, trial) -> None: ...
    def epoch(self, trial, epoch, value) -> None: ...
    def ended(self, trial) -> None: ...


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a search over scripted fits; its trials and its worker."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)

    def made(fits, rules: Rules, budget: Budget | None = None, **more):
        search = Search("m", SPACE, tmp_path / "s.db", rules, {"x": 0.5}, {})
        worker = Scripted(clock, fits)
        Loop(
            search,
            OnePool(worker),
            lambda trial: {"trial": trial.number},
            budget or Budget(),
            Silent(),
            **more,
        ).run()
        return search.trials, worker

    return made


def test_a_trial_that_falls_behind_is_stopped_at_the_rung(run):
    trials, _ = run([[0.5] * 20, [0.1] * 20, [0.9] * 20], Rules(trials=3, first_rung=3))
    assert [one.outcome.state for one in trials] == ["complete", "pruned", "complete"]
    assert trials[1].outcome.seconds == pytest.approx(4), "three epochs, and the one that ends it"
    assert trials[2].outcome.value == 0.9


def test_what_runs_when_the_time_is_over_is_cut_and_counts(run):
    rising = [place / 100 for place in range(40)]
    trials, worker = run([rising, rising, rising], Rules(pruning="none"), Budget(None, 55.0))
    assert [one.outcome.state for one in trials] == ["complete", "cut"]
    assert trials[1].outcome.value == pytest.approx(0.13, abs=0.015)
    assert worker.clock.now < 60


def test_a_fit_without_epochs_is_ended_far_beyond_its_budget(run):
    trials, worker = run([[0.3], None], Rules(), Budget(None, 100.0))
    assert [one.outcome.state for one in trials] == ["complete", "infeasible"]
    assert "beyond the budget of 1 min 40 s" in trials[1].outcome.why
    assert 120 < worker.clock.now < 130


def test_no_trial_is_begun_that_has_no_time_to_end(run):
    trials, worker = run([[0.3], [0.4], [0.5], [0.6]], Rules(), Budget(None, 5.0))
    assert len(trials) == 2, "each takes two seconds of five"
    assert len(worker.begun) == 2


def test_a_killed_process_and_a_mistake_are_infeasible_and_the_search_goes_on(run):
    fits = [[0.3], {"died": -9}, {"failed": "dim: too large"}, {"value": None, "best_epoch": 1}, [0.4]]
    trials, _ = run(fits, Rules(trials=5))
    assert [one.outcome.state for one in trials] == ["complete", *["infeasible"] * 3, "complete"]
    assert "memory" in trials[1].outcome.why
    assert "exit code -9" in trials[1].outcome.why
    assert trials[2].outcome.why == "dim: too large"
    assert trials[3].outcome.why == "what is watched was no number"


def test_a_default_that_cannot_be_fitted_ends_the_search(run):
    with pytest.raises(InputError, match="m: its default cannot be fitted: no such file"):
        run([{"failed": "no such file"}, [0.3]], Rules(trials=5))


def test_what_is_fitted_at_once_is_whole_after_its_time(run):
    trials, _ = run([[0.3]], Rules(), Budget(None, 1.0), by_epochs=False)
    assert [one.outcome.state for one in trials] == ["complete"]
