"""``--model.encoder.help LightGCN``: what may be named in a configuration, and which keys it takes.

jsonargparse answers this only below a class that the command line names already, and lists subclasses of
torch where a loss is meant.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from graphrec.cli.config import docstrings
from graphrec.cli.config.signatures import Parameter, choices, in_words, loss_names, parameters, resolve
from graphrec.cli.config.tasks import data_class, kinds
from graphrec.cli.config.vocabulary import own_modules, permitted
from graphrec.cli.short import model_names
from graphrec.data import sources
from graphrec.errors import InputError
from graphrec.training import ExperimentTask

_ASKED = re.compile(r"--(?P<place>(?P<group>model|data)(?:\.\w+)*)\.help(?:=(?P<name>.*))?")
_LINKED = ("graph", "num_users", "num_items")
"""Arguments that the data fills in."""


@dataclass(frozen=True)
class _Place:
    """A key at which a class or function is named.

    Args:
        key: Dotted, with ``init_args``, such as ``model.init_args.encoder``.
        known: What may be named there, by the name to write.
    """

    key: str
    known: Mapping[str, Any]


def help_asked(args: list[str]) -> str | None:
    """Write the help that a command line asks for below ``--model`` or ``--data``.

    Args:
        args: The command and its options.

    Returns:
        The text; None where no such help is asked for.

    Raises:
        InputError: If there is no such key, or nothing of the name that may stand there.
    """
    for number, arg in enumerate(args):
        if (asked := _ASKED.fullmatch(arg)) is not None:
            after = args[number + 1 : number + 2]
            name = asked["name"] or next((word for word in after if not word.startswith("-")), None)
            place = _place(asked["place"])
            return _listed(place) if name is None else _described(place, name)
    return None


def names_of(group: str) -> dict[str, Any]:
    """List what ``model`` or ``data`` may be, by the name to write.

    Args:
        group: Which of the two.
    """
    if group == "model":
        tasks = choices(ExperimentTask)
        return {"RankingTask": tasks["RankingTask"], **tasks}
    return {kind.__name__: kind for kind in dict.fromkeys(data_class(task) for task in kinds())}


def what_may_be_named() -> str:
    """Name sources and losses for the help of a command, and the options that list the rest."""
    losses = ", ".join(name.rpartition(".")[2] for name in loss_names())
    return (
        f"In place of a YAML file: -m {', '.join(model_names())}; --data FILE with --users FILE and"
        f" --items FILE of attributes, --columns OURS=THEIRS, --delimiter, --encoding and --decimal."
        f" Sources, as graphrec.data.sources.NAME: {', '.join(sources.__all__)}."
        f" Losses, as graphrec.losses.NAME: {losses}. Options such as --model.help, --model.encoder.help,"
        " --model.recommender.help and --data.source.help list what may be named; with a name behind them"
        " they show its keys."
    )


def _place(dotted: str) -> _Place:
    """Find what may be named at a key, which may leave ``init_args`` out."""
    group, *keys = [part for part in dotted.split(".") if part != "init_args"]
    known, written, below = names_of(group), group, ".init_args"
    for number, key in enumerate(keys):
        found = [one for owner in known.values() if (one := parameters(owner).get(key)) is not None]
        if not found:
            _refuse_key(dotted, key, known.values())
        written += f"{below}.{key}"
        below = "" if all(one.settings is not None for one in found) else ".init_args"
        known = _named_by(found, more=number + 1 < len(keys))
    return _Place(written, known)


def _named_by(found: Iterable[Parameter], *, more: bool) -> dict[str, Any]:
    """Join what some keys of one name may hold; settings that are written out lead on to their keys."""
    names: dict[str, Any] = {}
    for one in found:
        names |= one.choices if one.each is None else one.each.choices
        if more and one.settings is not None:
            names[one.settings.__name__] = one.settings
    return names


def _refuse_key(dotted: str, key: str, owners: Iterable[Any]) -> None:
    known = dict.fromkeys(name for owner in owners for name in parameters(owner) if name not in _LINKED)
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
    raise InputError(f"no key is called '{key}'", column=f"--{dotted}.help", hint=hint)


def _listed(place: _Place) -> str:
    """List what may be named, each with the first line of its docstring."""
    if not place.known:
        hint = f"see `graphrec fit --{place.key.rpartition('.init_args.')[0]}.help NAME`"
        raise InputError("this key holds a value and no class", column=f"--{place.key}.help", hint=hint)
    width = max(len(name) for name in place.known)
    lines = [
        f"  {name:<{width}}  {docstrings.plain(docstrings.about(made)).partition('. ')[0].rstrip('.')}"
        for name, made in place.known.items()
    ]
    more = f"For the keys of one: --{place.key.replace('.init_args', '')}.help NAME"
    return "\n".join([f"--{place.key} may be", *lines, "", more])


def _described(place: _Place, name: str) -> str:
    """Describe a class or function and its keys, written as on a command line."""
    short = {full.rpartition(".")[2]: full for full in place.known}
    written = short.get(name, name)
    with permitted(own_modules({"class_path": written})):
        made = resolve(written, dict(place.known))
        if not callable(made):
            close = difflib.get_close_matches(name, [*short, *place.known], n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(short)}"
            raise InputError(f"there is nothing called '{name}'", column=f"--{place.key}.help", hint=hint)
        return _text(place, written, made)


def _text(place: _Place, written: str, made: Any) -> str:
    """Lay out the help of one class or function."""
    parser = argparse.ArgumentParser(
        prog=f"--{place.key}",
        usage=f"--{place.key} {written}",
        description=docstrings.plain(docstrings.about(made)).replace("%", "%%"),
        add_help=False,
    )
    takes = {} if inspect.isfunction(made) and _is_loss(place) else parameters(made)
    keys = {key: one for key, one in takes.items() if key not in _LINKED}
    said, defaults = docstrings.arguments(made), inspect.signature(made).parameters
    for key, one in keys.items():
        told = f"{said.get(key, '')} {_of_value(one, defaults[key].default)}".strip()
        option = f"--{place.key}.init_args.{key}"
        parser.add_argument(option, metavar=f"<{_kind(one)}>", help=told.replace("%", "%%"))
    return parser.format_help().rstrip() + ("" if keys else "\n\nIt takes no keys.")


def _is_loss(place: _Place) -> bool:
    """Tell whether a function is named as it is: its arguments are given by the fit."""
    return place.key.endswith(".loss")


def _kind(one: Parameter) -> str:
    """Say in words what a key takes."""
    if one.base is not None:
        return one.noun
    return in_words(one.hint)


def _of_value(one: Parameter, default: Any) -> str:
    """Say what may be named and what holds where nothing is."""
    named = f"One of {', '.join(one.choices)}. " if one.choices else ""
    if default is inspect.Parameter.empty:
        return f"{named}(required)"
    return f"{named}(default: {_value(default)})"


def _value(default: Any) -> str:
    """Write a default as a YAML would."""
    if callable(default):
        return str(getattr(default, "__name__", type(default).__name__))
    if isinstance(default, tuple):
        default = list(default)
    return yaml.safe_dump(default, default_flow_style=True).removesuffix("...\n").strip()
