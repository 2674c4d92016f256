"""The options of an experiment command, those of the classes that a YAML may name among them."""

from __future__ import annotations

import types
import typing
from argparse import Action
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pytorch_lightning.cli import LightningArgumentParser

from graphrec.cli.config.signatures import Parameter, choices, parameters
from graphrec.cli.config.tasks import data_class, kinds
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.meant_for import is_meant_for
from graphrec.cli.experiment.start import run_lightning
from graphrec.training import ExperimentTask

_GROUPS = ("model", "data")
_LINKED = ("num_users", "num_items")
"""Arguments that the data fills in."""
_DEEPEST = 3
"""Classes inside each other: a task, its recommender, that one's filter."""
_BY_KIND: dict[Any, tuple[str, ...]] = {bool: ("true", "false"), type(None): ("null",)}


@dataclass(frozen=True)
class OptionName:
    """An option.

    Args:
        names: How it is written, as ``-c`` and ``--config``.
        values: What may follow, as far as it can be listed.
        help: Its help; empty where there is none.
        takes_value: Whether a value follows at all.
    """

    names: tuple[str, ...]
    values: tuple[str, ...] = ()
    help: str = ""
    takes_value: bool = True


def option_names(command: str) -> list[OptionName]:
    """List the options of fit, validate, test or predict that do something there.

    Args:
        command: Which of them.
    """
    data = dict.fromkeys(data_class(kind) for kind in kinds())
    bases: tuple[tuple[Any, ...], ...] = ((ExperimentTask,), tuple(data))
    inside = {name: list(_of_classes(f"--{name}", of, 1)) for name, of in zip(_GROUPS, bases, strict=True)}
    values = {one.names[0]: one.values for own in inside.values() for one in own}
    named = [_of_action(action, values) for action in _lightning_actions(command)]
    below = (one for own in inside.values() for one in own if one.names[0].removeprefix("--") not in _GROUPS)
    return [one for one in [*named, *below] if is_meant_for(command, one.names[-1])]


def _lightning_actions(command: str) -> list[Action]:
    """List the options that Lightning's parser of a command has."""
    found: list[LightningArgumentParser] = []

    class Listing(GraphRecCLI):
        def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
            found.append(parser)
            raise _ListedError

    with suppress(_ListedError):
        run_lightning([command], Listing)
    (subcommands,) = (one.choices for one in found[0]._actions if isinstance(one.choices, dict))
    return [one for one in subcommands[command]._actions if one.option_strings]


class _ListedError(Exception):
    """The parser is made; nothing is to be parsed."""


def _of_action(action: Action, values: dict[str, tuple[str, ...]]) -> OptionName:
    name = action.option_strings[-1]
    help_text = " ".join((action.help or "").split()).partition(". ")[0]
    listed = values.get(name) or tuple(map(str, action.choices or ())) or _of_metavar(action.metavar)
    return OptionName(tuple(action.option_strings), listed, help_text, action.nargs != 0)


def _of_metavar(metavar: Any) -> tuple[str, ...]:
    """Split ``{true,false}`` into the two words."""
    text = metavar if isinstance(metavar, str) else ""
    return tuple(text[1:-1].split(",")) if text.startswith("{") else ()


def _of_classes(option: str, bases: Iterable[Any], depth: int) -> Iterator[OptionName]:
    """List an option that names a class of some kind, and the arguments of all of that kind."""
    known = {name: kind for base in bases for name, kind in choices(base).items()}
    yield OptionName((option,), tuple(known))
    if depth > _DEEPEST:
        return
    found: dict[str, OptionName] = {}
    for kind in known.values():
        for name, parameter in parameters(kind).items():
            if name not in _LINKED:
                for one in _of_parameter(f"{option}.init_args.{name}", parameter, depth):
                    found.setdefault(one.names[0], one)
    yield from found.values()


def _of_parameter(option: str, parameter: Parameter, depth: int) -> Iterator[OptionName]:
    if parameter.settings is not None:
        for name, inner in parameters(parameter.settings).items():
            yield OptionName((f"{option}.{name}",), _values(inner.hint))
    elif parameter.is_function:
        yield OptionName((option,), tuple(parameter.choices))
    elif parameter.base is not None:
        yield from _of_classes(option, (parameter.base,), depth + 1)
    else:
        yield OptionName((option,), _values(parameter.hint))


def _values(hint: Any) -> tuple[str, ...]:
    """List what can be listed of a type: the words of a Literal, true and false, and null beside them."""
    if typing.get_origin(hint) is typing.Literal:
        return tuple(map(str, typing.get_args(hint)))
    if hint in _BY_KIND:
        return _BY_KIND[hint]
    found = [_values(one) for one in typing.get_args(hint)] if _is_union(hint) else []
    return tuple(dict.fromkeys(word for words in found for word in words)) if all(found) else ()


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)
