"""Fit a model for one seed or several: each is the run that ``graphrec fit`` would make of the same YAML."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from graphrec.cli.config.vocabulary import permitted
from graphrec.cli.experiment.command import run_experiment
from graphrec.cli.experiment.runs.folder import BEST, RunFolder
from graphrec.cli.experiment.runs.resuming import check_new
from graphrec.cli.trust import TRUST
from graphrec.errors import InputError, check_seed
from graphrec.front.arguments import check_kind
from graphrec.front.bars import bar, in_notebook
from graphrec.front.data import Data
from graphrec.front.plans import Plan, over, plan_of
from graphrec.front.runs import Run
from graphrec.front.surroundings import left_as_they_were, told_once


def fit(
    model: Any,
    data: Data | None = None,
    *,
    seeds: int | Iterable[int] | None = None,
    epochs: int | None = None,
    options: Mapping[str, Any] | None = None,
    name: str | None = None,
    root: str | Path | None = None,
    trust: bool = False,
) -> Run:
    """Fit a model, once for each seed, and keep the epoch that is best on the validation part.

    What is written stands in ``<root>/<name>/<id>/``, a folder for each seed: configuration, checkpoints,
    measures, and the tables that were given as frames. A bar over the seeds is shown; a single fit shows its
    epochs. One process fits, unless `options` or the YAML say ``trainer.devices``.

    Args:
        model: ``gr.LightGCN(dim=64)`` or another of ours, ``gr.Model(MyEncoder, dim=8)``, a class, an object
            of a `ClosedForm`, a name as of ``graphrec fit -m``, or the path of a YAML file.
        data: From `load`; a YAML file may say it itself.
        seeds: One seed or several different ones; what the YAML says, else 0, if missing.
        epochs: The most epochs of a trained model; by default Lightning's 1000. A fit stops earlier, after
            ``run.patience`` (5) epochs without a better value.
        options: Other keys by the names that the command line has:
            ``{"model.init_args.learning_rate": 0.01, "run.monitor": "val_recall_20"}``.
        name: Of the experiment; data set and model if missing.
        root: Folder above all runs; ``runs`` if missing.
        trust: Whether a YAML file may name code of other packages.

    Returns:
        The run of all seeds.

    Raises:
        InputError: If something is wrong with an argument, the data or the model.
    """
    plan = plan_of(model, data, epochs, options, name, root, trust)
    wanted = seeds_of(seeds)
    with bar(len(wanted), "Fitting") as advance:
        return fit_plan(plan, wanted, advance=advance)


def fit_plan(
    plan: Plan,
    seeds: Sequence[int | None],
    *,
    advance: Callable[[], None],
    known: set[str] | None = None,
    first: Path | None = None,
) -> Run:
    """Fit what is planned for each seed.

    Args:
        plan: What is fitted.
        seeds: From `seeds_of`.
        advance: Called after each fit.
        known: Lines that were told before and are not told again; grows. If missing, a single fit in a
            terminal tells all, with a bar over its epochs.
        first: A folder that holds the tables given as frames already.

    Raises:
        InputError: If several runs are to have one id, or a fit fails by a mistake.
    """
    many = len(seeds) > 1 or known is not None
    if many and plan.said("id") is not None:
        raise InputError("several fits cannot have one id", column="run.id", hint="leave it out")
    quiet = many or in_notebook()
    told = known if known is not None else set[str]()
    stamp = f"{dt.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folders: list[Path] = []
    for seed in seeds:
        own = plan.said("id") or (f"{stamp}-seed{seed}" if len(seeds) > 1 else stamp)
        with left_as_they_were(), told_once(told if quiet else None):
            found = _fit(plan, seed, own, first or next(iter(folders), None), told if quiet else None)
        folders.append(found)
        told |= set() if plan.data is None else plan.data.told(found / "data")
        advance()
    return Run(folders, plan.modules, plan.trust, told)


def seeds_of(given: int | Iterable[int] | None) -> list[int | None]:
    """List the seeds, each once; None stands for what the YAML says.

    Raises:
        InputError: If a seed is none, or is there twice.
    """
    if given is None:
        return [None]
    hint = "give a whole number such as 0, or several: range(3)"
    seeds = list(given) if isinstance(given, Iterable) else [given]
    for seed in seeds:
        check_kind(seed, (int, np.integer), "seed", "seeds", hint)
        check_seed(seeds=int(seed))
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError("a seed is there twice, or there is none", column="seeds", hint=hint)
    return [int(seed) for seed in seeds]


def _fit(plan: Plan, seed: int | None, own: str, first: Path | None, told: set[str] | None) -> Path:
    """Fit for one seed; return the run's folder. Without `told` there is a bar over the epochs."""
    config = {**plan.config, "run": dict(plan.config["run"]), "trainer": dict(plan.config["trainer"])}
    if told is not None:
        config["trainer"] = {"enable_progress_bar": False, "enable_model_summary": False, **config["trainer"]}
    if seed is not None:
        config["seed_everything"] = seed
    config["run"]["id"] = own
    folder = plan.folder(own)
    with _tables(plan, folder, first) as data, tempfile.TemporaryDirectory() as place:
        if data is not None:
            config["data"] = over(data, plan.config.get("data", {}))
        if told is not None and plan.data is not None:
            told |= plan.data.told(folder / "data")
        file = Path(place) / "fit.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        below = [] if plan.file is None else ["--config", str(plan.file)]
        args = ["fit", *below, "--config", str(file), *([TRUST] if plan.trust else [])]
        with permitted(plan.modules), _told_without(f"{place}/"):
            found: Path = run_experiment(args).folder.path
    if not (found / "checkpoints" / BEST).is_file():
        hint = "leave out what keeps no checkpoint, such as trainer.fast_dev_run"
        raise InputError("no checkpoint was kept, so there is no run", file=found, hint=hint)
    return found


@contextmanager
def _tables(plan: Plan, folder: Path, first: Path | None) -> Iterator[dict[str, Any] | None]:
    """Keep the frames of the data in the run's folder; nothing is left of a fit that never began."""
    if plan.data is None or not plan.data.has_frames:
        yield None if plan.data is None else plan.data.as_config()
        return
    check_new(RunFolder(folder))
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        yield plan.data.as_config(folder / "data", None if first is None else first / "data")
    except BaseException:
        if folder in new and not (folder / "progress.json").exists():
            shutil.rmtree(folder)
            for one in new[1:]:
                with suppress(OSError):  # somebody else writes there meanwhile
                    one.rmdir()
        raise


@contextmanager
def _told_without(place: str) -> Iterator[None]:
    """Leave the temporary folder out of what a mistake says."""
    try:
        yield
    except InputError as error:
        if place not in str(error):
            raise
        raise InputError(str(error).replace(place, "")) from error.__cause__
