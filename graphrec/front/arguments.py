"""What Python gives, written as a YAML holds it, so that both make the same objects."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from graphrec.cli.config.errors import check_arguments
from graphrec.cli.config.vocabulary import permitted, set_policy
from graphrec.errors import InputError

_MEND = "give numbers, text, or a class with its arguments: gr.Model(MyClass, dim=8)"


@runtime_checkable
class Configured(Protocol):
    """What knows how a YAML names it."""

    def as_config(self) -> Any:
        """Name it as a YAML does: ``class_path`` and ``init_args``, or plain values."""


def written(value: Any, place: str) -> Any:
    """Write a value as a YAML holds it.

    Args:
        value: Plain values, paths, functions, classes, and what knows how it was made: a `Model`, a split, a
            closed form, a ``functools.partial``.
        place: Where it was given, for the message.

    Raises:
        InputError: If a YAML could not hold it.
    """
    if isinstance(value, Configured) and not inspect.isclass(value):
        return value.as_config()
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): written(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [written(item, place) for item in value]
    if inspect.isclass(value) or inspect.isfunction(value):
        return path_of(value)
    return class_config(*made_with(value, place), place)


def made_with(value: Any, place: str) -> tuple[Any, dict[str, Any]]:
    """Find the class of an object and the arguments it was made with, by name.

    Raises:
        InputError: If the object does not tell.
    """
    if isinstance(value, functools.partial):
        return value.func, _by_name(value.func, value.args, value.keywords, place)
    if dataclasses.is_dataclass(value) and not inspect.isclass(value):
        return type(value), {
            field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init
        }
    if hasattr(value, "made_with"):
        args, options = value.made_with
        return type(value), _by_name(type(value), args, options, place)
    what = f"a {type(value).__name__} cannot be written into a configuration"
    raise InputError(what, column=place, hint=_MEND)


def _by_name(maker: Any, args: tuple[Any, ...], options: Mapping[str, Any], place: str) -> dict[str, Any]:
    if not args:
        return dict(options)
    try:
        found = inspect.signature(maker).bind_partial(*args, **options).arguments
    except TypeError as error:
        raise InputError(str(error), column=place, hint="give its arguments by name") from error
    return dict(found)


def class_config(maker: Any, given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Write a class and its arguments as ``class_path`` and ``init_args``."""
    return {"class_path": path_of(maker), "init_args": arguments_of(given, place)}


def arguments_of(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Write the arguments of a class or function."""
    return {name: written(item, f"{place}.{name}") for name, item in given.items()}


def check_call(
    maker: Callable[..., Any], given: Mapping[str, Any], place: str, modules: Sequence[str] = ()
) -> None:
    """Raise `InputError` for the first argument that a class or function does not take.

    Args:
        maker: The class or function.
        given: Its arguments as `arguments_of` writes them.
        place: Where they were given.
        modules: Packages of others that the arguments may name.
    """
    set_policy()
    with permitted(modules):
        check_arguments(maker, given, place)


def path_of(maker: Any) -> str:
    """Find the dotted path by which a YAML names a class or function.

    Raises:
        InputError: If it has none, as what is defined inside a function.
    """
    name = str(getattr(maker, "__qualname__", ""))
    if not name or "<" in name:
        hint = "define it at the top level of a module or a notebook's cell"
        raise InputError(f"{name or maker!r} has no name that a file could hold", hint=hint)
    return f"{maker.__module__}.{name}"


def check_kind(value: object, kinds: tuple[type, ...], noun: str, place: str, hint: str) -> None:
    """Raise `InputError` unless a value is of one of some types; true and false are no numbers.

    Args:
        value: The value.
        kinds: What it may be.
        noun: What it should be, for the message.
        place: The argument it was given as.
        hint: What to give instead.
    """
    if isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds):
        return
    shown = repr(value) if isinstance(value, str | int | float | bool) else f"a {type(value).__name__}"
    raise InputError(f"{shown} is no {noun}", column=place, hint=hint)
