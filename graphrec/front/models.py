"""A model in Python: a class and its arguments, which a YAML would name in the same way."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import graphrec.models
from graphrec.cli.config.vocabulary import trusted_modules
from graphrec.errors import InputError
from graphrec.front.arguments import arguments_of, check_call, class_config, made_with, path_of
from graphrec.front.makers import Maker
from graphrec.models.base import ClosedForm, Decoder, Encoder
from graphrec.models.encoders.contrastive import ContrastiveEncoder
from graphrec.models.filter_responses import FilterResponse
from graphrec.training import ClosedFormTask, ContrastiveTask, RankedTask, RankingTask

TASKS: tuple[tuple[type, type[RankedTask], str], ...] = (
    (ContrastiveEncoder, ContrastiveTask, "encoder"),
    (Encoder, RankingTask, "encoder"),
    (ClosedForm, ClosedFormTask, "recommender"),
)
"""Kind of model → the task that fits it, and the argument of the task that it is."""


PARTS = (Encoder, ClosedForm, RankedTask, Decoder, FilterResponse)
"""What a model is made of."""


class Model:
    """A class and its arguments; nothing is built before there is a graph.

    ``gr.LightGCN(dim=64)`` makes one of ours, ``gr.Model(MyEncoder, dim=8)`` one of the user's own.

    Args:
        maker: An `Encoder`, a `ClosedForm`, a task, or what is an argument of one: a decoder, or the response
            of a spectral filter.
        arguments: Of the class, by name; those of an encoder without its graph.

    Raises:
        InputError: If the class does not take an argument, or has no name that a file could hold.
    """

    def __init__(self, maker: Callable[..., Any], /, **arguments: Any) -> None:
        if not inspect.isclass(maker) or not issubclass(maker, PARTS):
            what = f"{maker!r} is no class of a model"
            hint = "give a class that derives from Encoder or ClosedForm of graphrec.models.base"
            raise InputError(what, hint=hint)
        self.maker, self.arguments = maker, arguments
        path_of(maker)
        plain = arguments_of(arguments, self.name)
        check_call(maker, plain, self.name, trusted_modules(plain))

    @property
    def name(self) -> str:
        """What the class is called."""
        return str(self.maker.__name__)

    @property
    def label(self) -> str:
        """What runs are called after: the encoder or recommender inside a task, else the class."""
        inside = next((one for one in self.arguments.values() if isinstance(one, Model)), self)
        return (inside if issubclass(self.maker, RankedTask) else self).name

    def as_config(self) -> dict[str, Any]:
        """Write it as ``class_path`` and ``init_args``."""
        return class_config(self.maker, self.arguments, self.name)

    def task(self) -> dict[str, Any]:
        """Write it as the key ``model`` of a YAML: inside the task that fits it, unless it is one.

        Raises:
            InputError: If no task fits such a class.
        """
        task, inside = self.parts()
        if task is self.maker:
            return self.as_config()
        return {"class_path": path_of(task), "init_args": dict.fromkeys(inside, self.as_config())}

    def parts(self) -> tuple[type[RankedTask], dict[str, Any]]:
        """Find the task that fits it, and the classes inside by the task's names for them.

        Raises:
            InputError: If no task fits such a class.
        """
        if inspect.isclass(self.maker) and issubclass(self.maker, RankedTask):
            inside = {name: one.maker for name, one in self.arguments.items() if isinstance(one, Model)}
            return self.maker, inside
        for kind, task, argument in TASKS:
            if inspect.isclass(self.maker) and issubclass(self.maker, kind):
                return task, {argument: self.maker}
        hint = "give it to a task: gr.Model(RankingTask, encoder=gr.LightGCN(), decoder=...)"
        raise InputError(f"{self.name} alone is no model", hint=hint)

    @property
    def is_closed(self) -> bool:
        """Whether it is fitted at once, without epochs."""
        return issubclass(self.maker, ClosedForm | ClosedFormTask)

    def __repr__(self) -> str:
        """Show the call that makes it."""
        said = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.name}({said})"


def named(name: str) -> Maker:
    """Find one of our models by its name in `graphrec.models`."""
    kind = getattr(graphrec.models, name)
    return Maker(kind, functools.partial(Model, kind))


def model_of(given: Any) -> Model:
    """Take a model in any of the forms that Python has for one.

    Args:
        given: A `Model`, a class, a ``functools.partial`` of one, or an object of a `ClosedForm`.

    Raises:
        InputError: If it is none of these.
    """
    if isinstance(given, Model):
        return given
    if isinstance(given, Maker):
        return model_of(given())
    if inspect.isclass(given):
        return Model(given)
    if isinstance(given, ClosedForm | functools.partial):
        maker, arguments = made_with(given, "model")
        return Model(maker, **arguments)
    what = f"a {type(given).__name__} is no model"
    hint = "give a model such as gr.LightGCN(dim=64), a class of your own, or the path of a YAML file"
    raise InputError(what, hint=hint)
