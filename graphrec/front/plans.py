"""What a fit of Python is to be, written as a YAML: model, data and the other keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec.cli.config.files import check_configs
from graphrec.cli.config.locations import read_entries
from graphrec.cli.config.vocabulary import trusted_modules
from graphrec.cli.experiment.runs.folder import RunOptions
from graphrec.cli.short import model_file, with_features
from graphrec.errors import InputError
from graphrec.front.arguments import check_kind, written
from graphrec.front.data import Data
from graphrec.front.models import Model, model_of


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


def plan_of(
    model: Any,
    data: Data | None,
    epochs: int | None,
    options: Mapping[str, Any] | None,
    name: str | None,
    root: str | Path | None,
    trust: bool,
) -> Plan:
    """Check the arguments of `graphrec.fit` and write them as a YAML would.

    Raises:
        InputError: If something is wrong with one of them.
    """
    hint = "read it first: gr.load(..., split=gr.LeaveLast())"
    check_kind(data, (Data, type(None)), "data", "data", hint)
    check_kind(epochs, (int, type(None)), "whole number", "epochs", "give 1 or more")
    check_kind(options, (Mapping, type(None)), "mapping", "options", 'give {"trainer.max_epochs": 20}')
    config: dict[str, Any] = {"run": {}, "trainer": {}}
    named = isinstance(model, str) and not Path(model).suffix
    file = model_file(model) if named else Path(model) if isinstance(model, str | Path) else None
    if named and data is not None:
        config["run"]["name"] = f"{data.name}-{model}"
        config |= {} if data.module.options else {"data": with_features({}, model)}
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


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay keys over a configuration, as a second YAML file does."""
    joined = dict(below)
    for key, value in above.items():
        under = joined.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            value = over(under, value)
        joined[key] = value
    return joined
