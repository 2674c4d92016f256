"""A mistake in a configuration, told in one line: file, row, key, what is wrong and the hint.

jsonargparse says that something is wrong, at length and without a place. The configuration is therefore gone
through once more, key by key against the signatures of the classes it names, until the mistake is found.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from graphrec.cli.config.locations import COMMAND_LINE, Entry
from graphrec.cli.config.sampled import HINT, WHY, asks_for_sampling
from graphrec.cli.config.signatures import (
    Parameter,
    in_words,
    named_parts,
    parameters,
    resolve,
    resolve_part,
    returns_tensor,
    takes_more,
)
from graphrec.errors import InputError

_FREE = (
    "ckpt_path",
    "weights_only",
    "verbose",
    "return_predictions",
    "print_config",
    "trust",
    "strict",
)
"""Keys beside the groups; the parser's own message about them is short enough."""


_MEANT = {"out": "run.root", "output": "run.root", "epochs": "trainer.max_epochs", "seed": "seed_everything"}
"""What words of other commands are called here."""


@dataclasses.dataclass(frozen=True)
class Mistake:
    """What is wrong with an entry.

    Args:
        entry: Where it stands.
        key: The key it is about.
        what: What is wrong.
        hint: What to do about it.
    """

    entry: Entry
    key: str
    what: str
    hint: str

    def __str__(self) -> str:
        """Write the line that is printed."""
        row = None if self.entry.row is None else f"row {self.entry.row}"
        place = ", ".join(part for part in (self.entry.file, row, f"key '{self.key}'") if part)
        return " ".join(f"{place}: {self.what}; {self.hint}".split())


def find_mistake(whole: Entry) -> Mistake | None:
    """Find the first mistake in a configuration, or none that can be seen without running it."""
    groups = _groups(whole)
    for key, entry in whole.keys.items():
        if key not in groups and key not in _FREE:
            hint = _below_a_group(key, entry, whole, groups) or _instead(key, [*groups, _FREE[0]])
            return Mistake(entry, key, "this key is not accepted", hint)
    for key, group in groups.items():
        if key not in whole.keys and group.required:
            hint = f"add `{key}:`, see experiments/"
            return Mistake(Entry(None, whole.file), key, "this key is missing", hint)
        found = _in_value(whole.keys[key], key, group) if key in whole.keys else None
        if found is not None:
            return found
    return None


def check_arguments(owner: Any, given: Mapping[str, Any], place: str) -> None:
    """Raise `InputError` for the first argument of a class or function that a YAML could not give it.

    Args:
        owner: The class or function.
        given: Its arguments as a YAML holds them.
        place: Where they were given, for the message.
    """
    entries = {name: _placed(value, place) for name, value in given.items()}
    if (mistake := _in_arguments(entries, owner, Entry(None, place))) is not None:
        raise InputError(str(mistake).replace("key '", "argument '").replace("this key", "this argument"))


def _placed(value: Any, place: str, row: int | None = None) -> Entry:
    if isinstance(value, dict):
        return Entry({key: _placed(item, place, row) for key, item in value.items()}, place, row)
    return Entry(value, place, row)


def check_nulls(whole: Entry) -> None:
    """Raise `InputError` for a null where something else is needed: the parser lets it pass.

    Args:
        whole: What files and options say.
    """
    if not _has_null(whole):
        return
    mistake = find_mistake(whole)
    if mistake is not None and mistake.entry.value is None:
        raise InputError(str(mistake))


def _has_null(entry: Entry) -> bool:
    return entry.value is None or any(map(_has_null, entry.keys.values()))


def _groups(whole: Entry) -> dict[str, Parameter]:
    from pytorch_lightning import Trainer
    from pytorch_lightning.cli import ReduceLROnPlateau
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from graphrec.cli.config.tasks import base_class, data_class, task_class
    from graphrec.cli.experiment.runs.folder import RunOptions

    task = task_class(whole)
    return {
        "run": Parameter(RunOptions),
        "trainer": Parameter(Trainer),
        "data": Parameter(data_class(task), required=True),
        "model": Parameter(base_class(task), required=True),
        "seed_everything": Parameter(int | bool),
        "optimizer": Parameter(Optimizer | None),
        "lr_scheduler": Parameter(LRScheduler | ReduceLROnPlateau | None),
    }


def _below_a_group(key: str, entry: Entry, whole: Entry, groups: Mapping[str, Parameter]) -> str | None:
    """Find the group in which a key of this name, or nearly so, is accepted."""
    from graphrec.cli.config.tasks import data_class, task_class

    if key in groups or difflib.get_close_matches(key, groups, n=1):
        return None
    below = {
        name: f"{group}.{name}" for group in ("trainer", "run") for name in parameters(groups[group].hint)
    }
    task = task_class(whole)
    for group, kind in (("data", data_class(task)), ("model", task)):
        below |= {name: f"{group}.init_args.{name}" for name in parameters(kind) if name not in below}
    below |= _MEANT
    close = difflib.get_close_matches(key, below, n=1, cutoff=0.75)
    dashes = "--" if entry.row is None else ""
    return f"did you mean '{dashes}{below[close[0]]}'?" if close else None


def _in_value(entry: Entry, key: str, parameter: Parameter) -> Mistake | None:
    """Find the mistake in the value of a key, given what the key expects."""
    if parameter.settings is not None and entry.value is not None:
        return _in_mapping(entry, key, parameter.settings)
    if parameter.choices and entry.value is not None:
        return _in_class(entry, key, parameter)
    if parameter.each is not None and isinstance(entry.value, list):
        values = (_placed(value, entry.file, entry.row) for value in entry.value)
        return next((found for one in values if (found := _in_value(one, key, parameter.each))), None)
    typed = entry.file == COMMAND_LINE and entry.value is not None  # where 7 may be a text
    if parameter.accepts(entry.plain()) or (typed and parameter.accepts(str(entry.plain()))):
        return None
    if parameter.lists_functions:
        return _in_functions(entry, key)
    if parameter.parts and _names_parts(entry.value):
        return _in_parts(entry, key, parameter.parts)
    value = "null" if entry.value is None else repr(entry.plain())
    what = f"{value} is not {in_words(parameter.hint)}"
    return Mistake(entry, key, what, "write one, or leave the key out for its default")


def _in_mapping(entry: Entry, key: str, owner: Any) -> Mistake | None:
    if not isinstance(entry.value, dict):
        return Mistake(
            entry, key, f"{entry.value!r} is no mapping of keys to values", "indent its keys below it"
        )
    return _in_arguments(entry.keys, owner, entry)


def _in_class(entry: Entry, key: str, parameter: Parameter) -> Mistake | None:
    """Find the mistake in ``class_path`` and ``init_args``, or in a class or function named by itself."""
    named = entry.keys.get("class_path", entry if isinstance(entry.value, str) else None)
    if named is None:
        hint = f"name one of {', '.join(parameter.choices)} after `class_path:`"
        return Mistake(entry, key, "class_path is missing here", hint)
    name = str(named.value)
    if name.endswith((".yaml", ".yml")):
        hint = "paths start at the folder of the YAML file"
        return Mistake(entry, key, f"there is no such file: {name}", hint)
    target = resolve(name, parameter.choices)
    if target is None or not parameter.suits(target):
        what = f"there is no {parameter.kind} '{name}'"
        if target is not None:
            what = f"{name} cannot stand here, {parameter.noun} is expected"
        where = key if named is entry or named.row is None else "class_path"
        return Mistake(named, where, what, _instead(name, parameter.choices))
    if parameter.is_function and not returns_tensor(target):
        hint = "write `-> Tensor` between its arguments and the colon"
        return Mistake(named, key, f"{name} does not say that it returns a Tensor", hint)
    if "init_args" in entry.keys and entry.keys["init_args"].value is None:
        what, hint = "null is no mapping of keys to values", "indent its keys below it, or leave it out"
        return Mistake(entry.keys["init_args"], "init_args", what, hint)
    given = dict(entry.keys.get("init_args", Entry({}, entry.file)).keys)
    given |= {name: value for name, value in entry.keys.items() if name not in ("class_path", "init_args")}
    takes_none = parameter.is_function and inspect.isfunction(target)  # the fit gives it what it takes
    return None if takes_none else _in_arguments(given, target, named)


def _in_functions(entry: Entry, key: str) -> Mistake:
    """Find the mistake in a list of a user's own functions."""
    named = [name for name in entry.value if isinstance(name, str)] if isinstance(entry.value, list) else []
    missing = next((name for name in named if resolve(name, {}) is None), None)
    value = "null" if entry.value is None else repr(entry.plain())
    what = f"{value} is no list of functions" if missing is None else f"there is no function '{missing}'"
    return Mistake(entry, key, what, "name them by their dotted paths, as [mymodule.myfunction]")


def _names_parts(value: Any) -> bool:
    """Tell whether a value can be the name of a class with its arguments, or a list of such."""
    values = value if isinstance(value, list) else [value]
    return bool(values) and all(isinstance(one, str | dict) for one in values)


def _in_parts(entry: Entry, key: str, bases: tuple[Any, ...]) -> Mistake | None:
    """Find the mistake in a part of Lightning or torch, or in a list of them, that is named by its class."""
    values = entry.plain() if isinstance(entry.value, list) else [entry.plain()]
    for value in values:
        given: dict[str, Any] = {"class_path": value} if isinstance(value, str) else value
        known = named_parts(bases)
        if not isinstance(name := given.get("class_path"), str):
            return Mistake(entry, key, "class_path is missing here", "name a class after `class_path:`")
        target = resolve_part(name, bases)
        if target is None:
            return Mistake(entry, key, f"there is no {bases[0].__name__} '{name}'", _instead(name, known))
        rest = {one: item for one, item in given.items() if one not in ("class_path", "init_args")}
        keys = (given.get("init_args") or {}) | rest
        placed = {one: Entry(item, entry.file, entry.row) for one, item in keys.items()}
        if (found := _in_arguments(placed, target, entry)) is not None:
            return found
    return None


def _in_arguments(given: dict[str, Entry], owner: Any, place: Entry) -> Mistake | None:
    """Find the mistake in the arguments of a class or function: unknown, missing, or of the wrong type."""
    known = parameters(owner)
    for key, entry in given.items():
        if key not in known and not takes_more(owner):
            if asks_for_sampling(key):
                return Mistake(entry, key, WHY, HINT)
            what = f"this key is not accepted by {owner.__name__}"
            return Mistake(entry, key, what, _instead(key, known))
    for key, parameter in known.items():
        if parameter.required and key not in given:
            return Mistake(place, key, f"{owner.__name__} needs this key", f"add `{key}:` to its init_args")
    found = (_in_value(entry, key, known[key]) for key, entry in given.items() if key in known)
    return next((mistake for mistake in found if mistake), None)


def _instead(name: str, known: Iterable[str]) -> str:
    """Suggest the closest right name, and say which there are."""
    last = {full.rsplit(".", 1)[-1].lower(): full for full in known}
    close = difflib.get_close_matches(name.rsplit(".", 1)[-1].lower(), last, n=1)
    listed = f"known are {', '.join(last.values())}" if len(last) <= 12 else ""
    return f"did you mean '{last[close[0]]}'?" if close else listed or "see `graphrec fit --help`"


def shortened(text: str) -> str:
    """Keep what matters of the parser's message, where the mistake is not in a key."""
    text = " ".join(re.sub(r"Given value type:.*", "", text, flags=re.DOTALL).split())
    text = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", text)
    if (part := re.search(r"Problem with given class_path '([\w.]+)': (.*?)(?: - |$)", text)) is not None:
        text = f"{part[1].rpartition('.')[2]}: {part[2]}"
    elif (name := re.search(r"Expected a dot import path string: (\S+)", text)) is not None:
        text = f"there is no class '{name[1]}'"
    return f"command line: {text[:300].rstrip('. ;')}; see `graphrec fit --help`"
