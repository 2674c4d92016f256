"""One search from its base to its best trial: what `tune`, `sweep` and `benchmark` have in common."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from graphrec.cli.config.arguments import as_arguments
from graphrec.errors import InputError
from graphrec.files import write_text
from graphrec.tuning.budget import Budget
from graphrec.tuning.loop import Loop, Told
from graphrec.tuning.search import Pruning, Rules, Sampling, Search
from graphrec.tuning.space import Space
from graphrec.tuning.trials import Trial
from graphrec.tuning.workers import Pool

WORKER = (sys.executable, "-m", "graphrec.cli.tune.worker")
STUDY, LOGS, RUNS = "study.db", "logs", "runs"
"""What a search keeps in its folder: Optuna's file, what fits printed, and the runs."""
_QUIET = ("--trainer.enable_model_summary=false", "--trainer.enable_progress_bar=false")


@dataclass(frozen=True)
class Base:
    """What all trials of a search have in common.

    Args:
        name: Of the model; names the study and the runs.
        args: Options of the fit, without the command.
    """

    name: str
    args: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """How a search is made.

    Args:
        out: Folder of the study and its runs.
        budget: Of this search.
        seed: Of the search and of every fit.
        sampling: How points are drawn.
        pruning: Which trials are stopped before their end.
        monitor: What is watched; what the base says if missing.
        larger: Whether the largest value is the best; as the measure says if missing.
        defaults_first: Whether trial 0 is the base as it is.
        first_rung: Epochs before a trial may be stopped; the usual number if missing.
        bounds_default: Whether the budget ends even the default, which else has as long as it takes.
    """

    out: Path
    budget: Budget
    seed: int = 0
    sampling: Sampling = "tpe"
    pruning: Pruning = "asha"
    monitor: str | None = None
    larger: bool | None = None
    defaults_first: bool = True
    first_rung: int | None = None
    bounds_default: bool = False


@dataclass(frozen=True)
class Looked:
    """What a base says.

    Args:
        defaults: Value of each key of the space where no trial sets it.
        monitor: What is watched.
        larger: Whether its largest value is the best.
        trained: Whether there are epochs.
    """

    defaults: dict[str, Any]
    monitor: str
    larger: bool
    trained: bool


@dataclass(frozen=True)
class Tuned:
    """What a search came to.

    Args:
        base: What was tuned.
        space: What was tried.
        looked: What the base says.
        trials: All of them.
        best: The best one.
        importance: Share of the variation that each setting explains; empty of too few trials.
        folder: Of the search.
    """

    base: Base
    space: Space
    looked: Looked
    trials: list[Trial]
    best: Trial
    importance: dict[str, float] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.base.name

    @property
    def default(self) -> Trial | None:
        """The trial of the default; None where the search did not begin with it."""
        return next((one for one in self.trials if one.number == 0 and not one.settings and one.counts), None)

    @property
    def config(self) -> Path:
        """The YAML file of the best settings, for ``graphrec fit -c``."""
        return self.folder / f"{self.model}-best.yaml"

    @property
    def seconds(self) -> float:
        """What the trials took together."""
        return sum(one.outcome.seconds for one in self.trials)


def search(base: Base, space: Space, plan: Plan, pool: Pool, told: Told) -> Tuned:
    """Find the best settings of one model on validation.

    Each trial is the run that ``graphrec fit`` would make, below ``runs/`` of the folder. A search that was
    killed goes on where it was. The test part is not read.

    Args:
        base: What all trials have in common.
        space: What may be tried.
        plan: How.
        pool: Who fits.
        told: Who is told of each trial.

    Raises:
        InputError: If the space asks for what no fit takes, the default cannot be fitted, or no trial ended.
    """
    looked = look(base, space, plan, pool)
    study = open_study(base, space, plan, looked)
    told.known(base.name, study.trials)
    jobs = partial(_job, base, plan, looked)
    Loop(study, pool, jobs, plan.budget, told, plan.bounds_default, looked.trained).run()
    best, trials = study.best, study.trials
    if best is None:
        raise InputError(f"{base.name}: no trial came to an end", hint=_reasons(trials))
    tuned = Tuned(base, space, looked, trials, best, study.importance(), plan.out)
    write_best(tuned)
    return tuned


def open_study(base: Base, space: Space, plan: Plan, looked: Looked) -> Search:
    """Open the study of a base in its folder, or begin it."""
    rung = {} if plan.first_rung is None else {"first_rung": plan.first_rung}
    rules = Rules(plan.sampling, plan.pruning, looked.larger, plan.seed, plan.budget.trials, **rung)
    job = {"base": fingerprint(base), "measure": looked.monitor}
    return Search(
        base.name, space, plan.out / STUDY, rules, looked.defaults if plan.defaults_first else None, job
    )


def fingerprint(base: Base, space: Space | None = None, plan: Plan | None = None) -> str:
    """Tell a base from another one, by its options and its YAML files; and what is asked of it."""
    more = [None if space is None else space.told(), None if plan is None else [plan.monitor, plan.larger]]
    files = [Path(arg) for arg in base.args if arg.endswith((".yaml", ".yml")) and Path(arg).is_file()]
    text = json.dumps([list(base.args), [file.read_text(encoding="utf-8") for file in files], more])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def look(base: Base, space: Space, plan: Plan, pool: Pool) -> Looked:
    """Read the base, and try all that the space asks for on the parser of a fit.

    Raises:
        InputError: If no fit would take one of the settings; with file, row and key.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    kept = plan.out / LOGS / f"{base.name}-{fingerprint(base, space, plan)}.json"
    if kept.is_file():
        return Looked(**json.loads(kept.read_text(encoding="utf-8")))
    points = [{one.key: value} for one in space.settings for value in one.probes()]
    job = {"do": "look", "args": ["fit", *base.args], "keys": [one.key for one in space.settings]}
    log = str(plan.out / LOGS / f"{base.name}.log")
    asked = [*points, *([_together(space)] if len(points) > 1 else [])]
    answer = pool.ask({**job, "points": asked, "log": log})
    if "died" in answer:
        raise InputError("the process that reads the settings ended", file=log, hint="see what it printed")
    if "failed" in answer:
        raise InputError(str(answer["failed"]))
    if "refused" in answer:
        point = asked[answer["refused"]]
        key = next(iter(point)) if len(point) == 1 else ""
        raise space.wrong(key, str(answer["why"]).removeprefix("command line, "), answer.get("hint"))
    monitor = plan.monitor or str(answer["watched"])
    larger = bool(answer["larger"]) if plan.larger is None else plan.larger
    looked = Looked(answer["defaults"], monitor, larger, bool(answer["trained"]))
    write_text(kept, json.dumps(asdict(looked)) + "\n")
    return looked


def _together(space: Space) -> dict[str, Any]:
    """Take the first value of each setting, so that keys that exclude each other are seen."""
    return {one.key: one.values()[0] for one in space.settings}


def _job(base: Base, plan: Plan, looked: Looked, trial: Trial) -> dict[str, Any]:
    """Make the job of a trial: a fit with a folder of its own, the same if it is done again."""
    name, own = f"{base.name}-{trial.number:03d}", f"seed-{trial.seed}"
    where = [f"--run.root={plan.out / RUNS}", f"--run.name={name}", f"--run.id={own}"]
    rules = [f"--seed_everything={trial.seed}", f"--run.monitor={looked.monitor}"]
    rules += [] if plan.larger is None else [f"--run.mode={'max' if plan.larger else 'min'}"]
    args = ["fit", *base.args, *as_arguments(trial.settings), *where, *rules, *_QUIET]
    log = plan.out / LOGS / f"{name}.log"
    run = plan.out / RUNS / name / own
    return {"do": "fit", "args": args, "run": str(run), "monitor": looked.monitor, "log": str(log)}


def write_best(tuned: Tuned) -> Path:
    """Write the best settings as a YAML file of a whole experiment."""
    config = yaml.safe_load((Path(tuned.best.run) / "config.yaml").read_text(encoding="utf-8"))
    config["run"] |= {"name": f"{tuned.model}-tuned", "root": "runs", "id": None}
    config["trainer"] |= {"enable_progress_bar": None, "enable_model_summary": None}
    config.pop("ckpt_path", None)
    value = tuned.best.outcome.value
    said = f"# {tuned.looked.monitor} {value:.6f} on validation; the best of {len(tuned.trials)} trials.\n"
    return write_text(tuned.config, said + yaml.safe_dump(config, sort_keys=False))


def _reasons(trials: list[Trial]) -> str:
    """Say why trials are infeasible, the most frequent reason first."""
    reasons = [one.outcome.why for one in trials if one.outcome.why]
    return max(set(reasons), key=reasons.count) if reasons else "give a larger --budget"
