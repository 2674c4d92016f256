"""A study of Optuna, kept in a SQLite file: what to try next, what to stop, what came out.

Only one process writes to it. A killed search finds here what it had begun, and goes on with that first.
"""

from __future__ import annotations

import json
import random
import sqlite3
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL

from graphrec.errors import InputError
from graphrec.tuning.space import Space
from graphrec.tuning.trials import Outcome, Trial, best_of

Sampling = Literal["tpe", "random", "grid"]
Pruning = Literal["asha", "hyperband", "median", "none"]
FIRST_RUNG, REDUCTION = 6, 3
"""Epochs before a trial may be stopped, and of how many trials one goes on at each rung."""
_DRAWS = 20
"""How often a point is drawn again that was tried already."""
_MOST_POINTS = 100_000
"""Of a space whose points are listed, to find one that was not tried."""
_RECORD = "graphrec"
"""Under which Optuna keeps what is known of a trial."""

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


@dataclass(frozen=True)
class Rules:
    """How a search goes about it.

    Args:
        sampling: ``tpe``, ``random``, or ``grid``, all points in their order.
        pruning: Which trials are stopped before their end.
        larger: Whether the largest value is the best.
        seed: Of the search, and of every fit.
        trials: How many there may be; None for no bound.
        first_rung: Epochs before a trial may be stopped.
    """

    sampling: Sampling = "tpe"
    pruning: Pruning = "asha"
    larger: bool = True
    seed: int = 0
    trials: int | None = None
    first_rung: int = FIRST_RUNG


class Search:
    """The search for the settings of one model.

    Args:
        model: Name of what is tuned, and of the study.
        space: What may be tried.
        storage: The SQLite file.
        rules: How.
        defaults: The value of each key where nothing is set: trial 0 is then the default. None has no such.
        job: What else must be the same for a search to be gone on with: data, base, measure.

    Raises:
        InputError: If the file holds another search under this name.
    """

    def __init__(
        self,
        model: str,
        space: Space,
        storage: Path,
        rules: Rules,
        defaults: Mapping[str, Any] | None,
        job: Mapping[str, Any],
    ) -> None:
        self.model, self.space, self.rules, self.defaults = model, space, rules, defaults
        self._study = optuna.create_study(
            storage=_opened(storage),
            study_name=model,
            load_if_exists=True,
            direction="maximize" if rules.larger else "minimize",
            pruner=_pruner(rules),
        )
        self._check_job(storage, {**job, "settings": self.space.told(), "seed": rules.seed})
        self._open: dict[int, optuna.Trial] = {}
        self._begun = self._unfinished()

    def _check_job(self, storage: Path, job: dict[str, Any]) -> None:
        before = self._study.user_attrs.setdefault("job", None)
        if before is None:
            self._study.set_user_attr("job", job)
            return
        for key, value in job.items():
            if before.get(key) != value:
                what = f"this folder holds another search for {self.model}: its {key} is not the same"
                raise InputError(what, file=storage.parent, column="--out", hint="choose another folder")

    def _unfinished(self) -> list[FrozenTrial]:
        """List the trials that were running at a kill; forget those that were never begun."""
        left = self._study.get_trials(deepcopy=False, states=[TrialState.RUNNING, TrialState.WAITING])
        for one in left:
            if _RECORD not in one.user_attrs:
                self._storage.set_trial_state_values(one._trial_id, TrialState.FAIL)
        return [one for one in left if _RECORD in one.user_attrs]

    @property
    def _storage(self) -> Any:
        return self._study._storage

    @property
    def trials(self) -> list[Trial]:
        """All trials, by their number."""
        records = [
            one.user_attrs[_RECORD]
            for one in self._study.get_trials(deepcopy=False)
            if _RECORD in one.user_attrs
        ]
        found = [Trial(**{**record, "outcome": Outcome(**record["outcome"])}) for record in records]
        return sorted(found, key=lambda one: one.number)

    @property
    def best(self) -> Trial | None:
        """The best trial so far."""
        return best_of(self.trials, self.rules.larger)

    @property
    def seconds(self) -> float:
        """What the trials took together."""
        return sum(one.outcome.seconds for one in self.trials)

    @property
    def has_begun(self) -> bool:
        """Whether a trial waits that a killed search left."""
        return bool(self._begun)

    def propose(self) -> Trial | None:
        """Take what was begun before, else draw the next trial; None if there is nothing more to try."""
        if self._begun:
            left = self._begun.pop(0)
            record = dict(left.user_attrs[_RECORD])
            trial = Trial(**{**record, "outcome": Outcome(**record["outcome"])})
            self._open[trial.number] = optuna.Trial(self._study, left._trial_id)
            return trial
        tried = self.trials
        if self.rules.trials is not None and len(tried) >= self.rules.trials:
            return None
        if not tried and self.defaults is not None:
            return self._fixed(0, self.defaults, {})
        known = {_text(one.shown) for one in tried}
        if self.rules.sampling == "grid":
            point = next((one for one in self.space.points() if _text(one) not in known), None)
            return None if point is None else self._fixed(len(tried), point, point)
        return self._drawn(len(tried), known)

    def _fixed(self, number: int, shown: Mapping[str, Any], settings: Mapping[str, Any]) -> Trial:
        """Begin a trial with these values; those outside of the space are kept from the sampler."""
        stored = {one.key: one.stored(shown.get(one.key)) for one in self.space.settings}
        stored = {key: value for key, value in stored.items() if value is not None}
        self._study.enqueue_trial(stored)
        trial = self._study.ask(
            {one.key: one.distribution for one in self.space.settings if one.key in stored}
        )
        return self._begin(trial, number, settings, shown)

    def _drawn(self, number: int, known: set[str]) -> Trial | None:
        """Draw points until one was not tried; of few points, take one that is left."""
        if not self.space.settings:
            return None
        ranges = {one.key: one.distribution for one in self.space.settings}
        for _ in range(_DRAWS):
            self._study.sampler = _sampler(self.rules, len(self._study.get_trials(deepcopy=False)))
            trial = self._study.ask(ranges)
            point = {one.key: one.value(trial.params[one.key]) for one in self.space.settings}
            if _text(point) not in known:
                return self._begin(trial, number, point, point)
            self._study.tell(trial, state=TrialState.FAIL)
        if self.space.size is None or self.space.size > _MOST_POINTS:
            return None
        left = [one for one in self.space.points() if _text(one) not in known]
        if not left:
            return None
        point = random.Random(self.rules.seed * 1_000_003 + number).choice(left)
        return self._fixed(number, point, point)

    def _begin(
        self, trial: optuna.Trial, number: int, settings: Mapping[str, Any], shown: Mapping[str, Any]
    ) -> Trial:
        own = Trial(self.model, number, dict(settings), dict(shown), self.rules.seed)
        self._open[number] = trial
        self._keep(own)
        return own

    def _keep(self, trial: Trial) -> None:
        self._open[trial.number].set_user_attr(_RECORD, asdict(trial))

    def report(self, trial: Trial, epoch: int, value: float) -> bool:
        """Note the best value up to an epoch; tell whether the trial is stopped. The default never is."""
        own = self._open[trial.number]
        before = self._storage.get_trial(own._trial_id).intermediate_values
        if epoch in before:
            return False
        best = max if self.rules.larger else min
        own.report(best([value, *before.values()]), epoch)
        behind = own.should_prune()  # asked of the default too: only so is it one that others are compared to
        return behind and not (trial.number == 0 and self.defaults is not None)

    def finish(self, trial: Trial) -> None:
        """Note what a trial came to."""
        self._keep(trial)
        own, outcome = self._open.pop(trial.number), trial.outcome
        if outcome.state == "pruned" and self._storage.get_trial(own._trial_id).intermediate_values:
            self._study.tell(own, state=TrialState.PRUNED)
        elif trial.counts:
            self._study.tell(own, outcome.value)
        else:
            self._study.tell(own, state=TrialState.FAIL)

    def importance(self) -> dict[str, float]:
        """Estimate the share of the variation that each setting explains; empty of too few trials."""
        keys = [one.key for one in self.space.settings if one.size != 1]
        done = [one for one in self._study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
                if all(key in one.params for key in keys)]  # fmt: skip
        if len(done) < 4 or len({one.value for one in done}) < 2 or not keys:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.rules.seed)
        found = optuna.importance.get_param_importances(self._study, evaluator=evaluator, params=keys)
        return {key: float(share) for key, share in found.items()}


def _opened(file: Path) -> optuna.storages.RDBStorage:
    """Open the SQLite file; a write-ahead log is safe from kills and spares waits for the disk."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(file, timeout=60, check_same_thread=False)
        for line in ("journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {line}")
        return connection

    url = URL.create("sqlite", database=str(file)).render_as_string()
    return optuna.storages.RDBStorage(url, engine_kwargs={"creator": connect})


def _sampler(rules: Rules, drawn: int) -> optuna.samplers.BaseSampler:
    """Make what draws the next point, of the seed and its place alone: a killed search draws the same."""
    seed = (rules.seed * 1_000_003 + drawn) % 2**32
    if rules.sampling == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    startup = 8 if rules.trials is None else min(10, max(3, rules.trials // 3))
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=startup, multivariate=True, constant_liar=True
    )


def _pruner(rules: Rules) -> optuna.pruners.BasePruner:
    pruners = optuna.pruners
    made = {
        "asha": pruners.SuccessiveHalvingPruner(rules.first_rung, REDUCTION),
        "hyperband": pruners.HyperbandPruner(rules.first_rung, reduction_factor=REDUCTION),
        "median": pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=rules.first_rung),
        "none": pruners.NopPruner(),
    }
    return made[rules.pruning]


def _text(point: Mapping[str, Any]) -> str:
    return json.dumps(point, sort_keys=True)
