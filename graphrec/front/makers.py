"""What ``gr.LightGCN`` and ``gr.LeaveLast`` are: calls that check their arguments at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from graphrec.data import splits
from graphrec.errors import InputError
from graphrec.front.arguments import arguments_of, check_call


class Maker:
    """Makes something of one of our classes, with its arguments by name or in their order.

    It is not the class itself: a parser of YAML looks for the shortest path to a class, and would write
    ``graphrec.LeaveLast`` into configurations.

    Args:
        kind: The class.
        make: Called with the arguments by name.
    """

    def __init__(self, kind: type, make: Callable[..., Any]) -> None:
        self.kind, self.make = kind, make
        self.__name__, self.__doc__ = kind.__name__, kind.__doc__
        given = inspect.signature(kind).parameters
        self.__signature__ = inspect.Signature([given[name] for name in given if name != "graph"])

    def __call__(self, *args: Any, **arguments: Any) -> Any:
        """Make it; arguments are those of the class, an encoder's without the graph."""
        try:
            named = self.__signature__.bind_partial(*args).arguments
        except TypeError as error:
            raise InputError(f"{self.__name__}: {error}", hint=f"see help(gr.{self.__name__})") from error
        return self.make(**{**named, **arguments})

    def __repr__(self) -> str:
        """Show the name it has at the front door."""
        return f"gr.{self.__name__}"


def split_named(name: str) -> Maker:
    """Find one of our splits by its name in `graphrec.data.splits`."""
    kind = getattr(splits, name)

    def make(**arguments: Any) -> Any:
        check_call(kind, arguments_of(arguments, name), name)
        return kind(**arguments)

    return Maker(kind, make)
