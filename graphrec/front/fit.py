"""Fit a model for one seed or several: each is the run that ``graphrec fit`` would make of the same YAML."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.progress import track

from graphrec.cli.config.files import check_configs
from graphrec.cli.config.locations import read_entries
from graphrec.cli.config.vocabulary import permitted, trusted_modules
from graphrec.cli.experiment.command import run_experiment
from graphrec.cli.experiment.runs.folder import BEST, RunFolder, RunOptions
from graphrec.cli.experiment.runs.resuming import check_new
from graphrec.cli.trust import TRUST
from graphrec.errors import InputError, check_seed
from graphrec.front.arguments import check_kind, written
from graphrec.front.data import Data
from graphrec.front.models import Model, model_of
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
            of a `ClosedForm`, or the path of a YAML file.
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
    plan = _plan(model, data, epochs, options, name, root, trust)
    wanted = _seeds(seeds)
    known: set[str] | None = set() if len(wanted) > 1 else None
    bar = Console(file=sys.stderr)  # as it is now: within a fit, standard error goes elsewhere
    shown = track(wanted, "Fitting", console=bar, transient=True, disable=known is None)
    folders: list[Path] = []
    stamp = f"{dt.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    for seed in shown:
        own = f"{stamp}-seed{seed}" if len(wanted) > 1 else stamp
        with left_as_they_were(), told_once(known):
            folders.append(_fit(plan, seed, own, folders[0] if folders else None, len(wanted) > 1))
    return Run(folders, plan.modules, trust, known)


@dataclass(frozen=True)
class Plan:
    """What is fitted.

    Args:
        file: A YAML file below everything else.
        config: Keys on top of it, in the form of a YAML.
        data: Data on top of it.
        modules: Packages that may be named, as the caller gave objects of theirs.
        trust: Whether any may.
    """

    file: Path | None
    config: dict[str, Any]
    data: Data | None
    modules: list[str]
    trust: bool

    def said(self, key: str) -> str | None:
        """Find what files and options say of a key of ``run``."""
        own = self.config["run"].get(key)
        if own is not None or self.file is None:
            return None if own is None else str(own)
        run = read_entries(["fit", "--config", str(self.file)]).keys.get("run")
        entry = None if run is None else run.keys.get(key)
        return None if entry is None or entry.value is None else str(entry.value)

    def folder(self, own: str) -> Path:
        """Find where the run of an id goes."""
        root, name = self.said("root") or RunOptions.root, self.said("name") or RunOptions.name
        return Path(root) / name / own


def _plan(
    model: Any,
    data: Data | None,
    epochs: int | None,
    options: Mapping[str, Any] | None,
    name: str | None,
    root: str | Path | None,
    trust: bool,
) -> Plan:
    """Check the arguments and write them as a YAML would."""
    hint = "read it first: gr.load(..., split=gr.LeaveLast())"
    check_kind(data, (Data, type(None)), "data", "data", hint)
    check_kind(epochs, (int, type(None)), "whole number", "epochs", "give 1 or more")
    check_kind(options, (Mapping, type(None)), "mapping", "options", 'give {"trainer.max_epochs": 20}')
    config: dict[str, Any] = {"run": {}, "trainer": {}}
    file = Path(model) if isinstance(model, str | Path) else None
    if file is None:
        _add_model(config, model_of(model), data, epochs)
    else:
        check_configs(["fit", "--config", str(file)])
    if epochs is not None:
        config["trainer"]["max_epochs"] = epochs
    config["run"] |= {key: str(one) for key, one in (("name", name), ("root", root)) if one is not None}
    for key, value in (options or {}).items():
        _set(config, key, written(value, key))
    modules = trusted_modules({key: value for key, value in config.items() if key != "run"})
    return Plan(file, config, data, modules + ([] if data is None else data.modules), trust)


def _add_model(config: dict[str, Any], model: Model, data: Data | None, epochs: int | None) -> None:
    if data is None:
        raise InputError("there is no data to fit to", column="data", hint="give what gr.load returns")
    config["model"] = model.task()
    config["run"]["name"] = f"{data.name}-{model.label.lower()}"
    config["trainer"] |= {"devices": 1, "enable_model_summary": False}
    if model.is_closed:
        if epochs is not None:
            what = f"{model.name} is fitted at once, so this would do nothing"
            raise InputError(what, column="epochs", hint="leave it out")
        config["trainer"] |= {"max_epochs": 1, "enable_progress_bar": False}


def _set(config: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a key as the command line does: ``trainer.max_epochs``."""
    *above, last = str(dotted).split(".")
    place = config
    for key in above:
        place = place.setdefault(key, {})
        if not isinstance(place, dict):
            raise InputError(f"{key} has no keys of its own", column=dotted, hint="see `graphrec fit --help`")
    place[last] = value


def _seeds(given: int | Iterable[int] | None) -> list[int | None]:
    """List the seeds, each once; None stands for what the YAML says."""
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


def _fit(plan: Plan, seed: int | None, own: str, first: Path | None, several: bool) -> Path:
    """Fit for one seed; return the run's folder."""
    config = {**plan.config, "run": dict(plan.config["run"]), "trainer": dict(plan.config["trainer"])}
    if several:
        config["trainer"] = {"enable_progress_bar": False, "enable_model_summary": False, **config["trainer"]}
    if seed is not None:
        config["seed_everything"] = seed
    given = plan.said("id")
    if several or given is None:
        config["run"]["id"] = own
    folder = plan.folder(own if several or given is None else given)
    with _tables(plan, folder, first) as data, tempfile.TemporaryDirectory() as place:
        if data is not None:
            config["data"] = data
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
