"""What the classes and functions that a YAML names accept, read from their signatures."""

from __future__ import annotations

import collections.abc
import copy
import dataclasses
import importlib
import inspect
import types
import typing
from typing import Any

import jsonargparse

from graphrec.cli.config.vocabulary import is_allowed

_FOREIGN = ("pytorch_lightning.", "lightning_fabric.", "torch.optim.")
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What one key accepts.

    Args:
        hint: Its type.
        required: Whether it has no default.
        takes_null: Whether null is its default, whatever its type says.
    """

    hint: Any
    required: bool = False
    takes_null: bool = False

    @property
    def base(self) -> Any:
        """The class to choose a kind of: ``Encoder`` for a factory of encoders; None for plain values."""
        return next((base for hint in _alternatives(self.hint) if (base := _base(hint)) is not None), None)

    @property
    def settings(self) -> Any:
        """The class whose arguments are written out below the key, without a class_path."""
        return next((hint for hint in _alternatives(self.hint) if _is_written_out(hint)), None)

    @property
    def parts(self) -> tuple[Any, ...]:
        """Classes of Lightning or torch of which one may be named here, or several in a list."""
        return tuple(_parts(self.hint))

    @property
    def is_function(self) -> bool:
        """Whether a function is wanted as it is, such as a loss."""
        return self.base is collections.abc.Callable

    @property
    def lists_functions(self) -> bool:
        """Whether functions are wanted in a list, such as measures."""
        lists = [hint for hint in _alternatives(self.hint) if typing.get_origin(hint) is list]
        return any(_base(typing.get_args(hint)[0]) is collections.abc.Callable for hint in lists)

    @property
    def each(self) -> Parameter | None:
        """What every value of a list names, where it lists classes of ours or their settings; else None."""
        lists = [hint for hint in _alternatives(self.hint) if typing.get_origin(hint) is list]
        values = [typing.get_args(hint)[0] for hint in lists]
        named = [value for value in values if _is_ours(_base(value)) or _is_written_out(value)]
        return Parameter(named[0], required=True) if named else None

    @property
    def choices(self) -> dict[str, Any]:
        """What may be named here, by the name to write."""
        return {} if self.base is None else choices(self.base)

    @property
    def kind(self) -> str:
        """What is named here: a function or a class."""
        return "function" if any(inspect.isfunction(target) for target in self.choices.values()) else "class"

    @property
    def noun(self) -> str:
        """What is expected, in a word."""
        name = "loss" if self.is_function else str(self.base.__name__)
        return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"

    def suits(self, target: Any) -> bool:
        """Tell whether a class or function is of the right kind."""
        if self.is_function:
            return callable(target)
        if inspect.isclass(target):
            return issubclass(target, self.base)
        return target in self.choices.values() or typing.get_type_hints(target).get("return") is self.base

    def accepts(self, value: Any) -> bool:
        """Tell whether a plain value is of the type; the parser takes any null for one."""
        if value is None:
            return self.takes_null or self.hint is Any or type(None) in _alternatives(self.hint)
        parser = jsonargparse.ArgumentParser(exit_on_error=False)
        try:
            parser.add_argument("--value", type=self.hint)
            parser.parse_object({"value": copy.deepcopy(value)})
        except (jsonargparse.ArgumentError, TypeError):
            return False
        except ValueError:  # a type that cannot stand alone
            return True
        return True


def choices(base: Any) -> dict[str, Any]:
    """Find the classes of a kind by their short names; functions by their full names."""
    from graphrec.coupons import campaigns
    from graphrec.coupons.campaigns import CouponData
    from graphrec.data import sources
    from graphrec.data.interactions import RawData

    if base is CouponData:
        return {f"{campaigns.__name__}.complete_journey_coupons": campaigns.complete_journey_coupons}
    if base is RawData:
        return {f"graphrec.data.sources.{name}": getattr(sources, name) for name in sources.__all__}
    if base is collections.abc.Callable:
        return loss_names()
    return {kind.__name__: kind for kind in _kinds(base) if not _is_abstract(kind)}


def loss_names() -> dict[str, Any]:
    """Find the losses of graphrec by their full names: whatever is called with the scores of bought items."""
    from graphrec import losses

    own = {name: made for name, made in vars(losses).items() if not name.startswith("_")}
    here = {name: made for name, made in own.items() if getattr(made, "__module__", "") == losses.__name__}
    return {f"{losses.__name__}.{name}": made for name, made in here.items() if _is_loss(made)}


def _is_loss(made: Any) -> bool:
    """Tell whether the first thing that a call takes are the scores of bought items."""
    call = vars(made).get("__call__") if inspect.isclass(made) else made
    names = [name for name in inspect.signature(call).parameters if name != "self"] if callable(call) else []
    return names[:1] == ["positive"]


def resolve(name: str, known: dict[str, Any]) -> Any:
    """Find the class or function of a name, short or with its path; None if there is none."""
    module, _, attribute = name.rpartition(".")
    if not module:
        return known.get(name) or _imported(name)
    if not is_allowed(name):
        return None
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return None


def parameters(owner: Any) -> dict[str, Parameter]:
    """Find the keys that a class or function accepts."""
    try:
        hints = typing.get_type_hints(owner.__init__ if inspect.isclass(owner) else owner)
    except NameError:  # of a name that is imported for a type checker only
        hints = {}
    empty = inspect.Parameter.empty
    signature = inspect.signature(owner).parameters.values()
    filled_in = {"graph", "params", "optimizer"}  # by a task, when its model is there
    return {
        p.name: Parameter(hints.get(p.name, Any), p.default is empty, p.default is None)
        for p in signature
        if p.name not in filled_in and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def takes_more(owner: Any) -> bool:
    """Tell whether a class or function takes any other key, too, and hands it on."""
    return any(p.kind == p.VAR_KEYWORD for p in inspect.signature(owner).parameters.values())


def named_parts(bases: tuple[Any, ...]) -> dict[str, Any]:
    """Find the classes of Lightning and torch below some, by their short names; of two the later counts."""
    found = [kind for base in bases for kind in (base, *_below(base))]
    return {kind.__name__: kind for kind in found if kind.__module__.startswith(_FOREIGN)}


def resolve_part(name: str, bases: tuple[Any, ...]) -> Any:
    """Find the class of a name, short or with its path, below some classes; None if there is none."""
    target = named_parts(bases).get(name) if "." not in name else resolve(name, {})
    return target if inspect.isclass(target) and issubclass(target, bases) else None


def returns_tensor(function: Any) -> bool:
    """Tell whether a function says that it returns a tensor, as the parser wants of a loss."""
    from torch import Tensor

    if not inspect.isfunction(function):
        return True
    try:
        return bool(typing.get_type_hints(function).get("return") is Tensor)
    except NameError:
        return False


def in_words(hint: Any) -> str:
    """Write a type as a shopkeeper would say it: ``int | None`` is 'a whole number or null'."""
    if typing.get_origin(hint) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(hint)))}"
    if typing.get_origin(hint) in (list, tuple, collections.abc.Sequence, collections.abc.Iterable):
        return f"a list, each {in_words(typing.get_args(hint)[0])}" if typing.get_args(hint) else "a list"
    if typing.get_origin(hint) is dict:
        of = typing.get_args(hint)[1:]
        return f"a mapping of keys to values{f', each {_WORDS[of[0]]}' if of and of[0] in _WORDS else ''}"
    alternatives = _alternatives(hint)
    if len(alternatives) > 1:
        literals = [one for one in alternatives if typing.get_origin(one) is typing.Literal]
        words = dict.fromkeys(str(word) for one in literals for word in typing.get_args(one))
        listed = [f"one of {', '.join(words)}"] if words else []
        others = [in_words(one) for one in alternatives if one not in literals]
        return " or ".join(dict.fromkeys([*listed, *others]))
    return _WORDS.get(hint, getattr(hint, "__name__", "what is expected here"))


def _alternatives(hint: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if is_union else (hint,)


def _base(hint: Any) -> Any:
    """Find the class of which a YAML names a kind, if the type is of that sort."""
    if typing.get_origin(hint) is collections.abc.Callable:
        made = typing.get_args(hint)[-1]
        return made if _is_ours(made) else collections.abc.Callable
    return hint if _is_ours(hint) and not _is_written_out(hint) else None


def _parts(hint: Any) -> list[Any]:
    """Find the classes of Lightning or torch in a type, those that a list of it holds among them."""
    found: list[Any] = []
    for one in _alternatives(hint):
        if typing.get_origin(one) in (list, collections.abc.Iterable, collections.abc.Sequence):
            found += _parts(typing.get_args(one)[0])
        elif inspect.isclass(one) and one.__module__.startswith(_FOREIGN):
            found.append(one)
    return list(dict.fromkeys(found))


def _below(base: Any) -> list[Any]:
    return [kind for direct in base.__subclasses__() for kind in [direct, *_below(direct)]]


def _is_ours(hint: Any) -> bool:
    return inspect.isclass(hint) and hint.__module__.startswith("graphrec.")


def _is_written_out(hint: Any) -> bool:
    """Tell whether settings are written out: ``FeatureOptions`` are, splits and sources go by class_path."""
    from pytorch_lightning import Trainer

    from graphrec.coupons.campaigns import CouponData
    from graphrec.data.interactions import RawData

    made = hint in (RawData, CouponData)  # by a function that a YAML names
    plain = dataclasses.is_dataclass(hint) and not made and not _is_abstract(hint)
    return hint is Trainer or (_is_ours(hint) and plain)


def _is_abstract(kind: Any) -> bool:
    """Tell whether a method is missing; ``inspect.isabstract`` knows only classes that derive from ABC."""
    members = inspect.getmembers_static(kind)
    return any(getattr(member, "__isabstractmethod__", False) for _, member in members)


def _kinds(base: Any) -> list[Any]:
    """Find a class and all classes below it, of ours and for others."""
    below = [kind for direct in base.__subclasses__() for kind in _kinds(direct)]
    return [kind for kind in dict.fromkeys([base, *below]) if _is_ours(kind) and kind.__name__[0] != "_"]


def _imported(name: str) -> Any:
    """Find any class of ours of that short name, so that a wrong kind is told from a wrong name."""
    from pytorch_lightning import LightningDataModule
    from torch import nn

    from graphrec.data.splits import Splitter

    found = {
        kind.__name__: kind for base in (nn.Module, LightningDataModule, Splitter) for kind in _all(base)
    }
    return found.get(name)


def _all(base: Any) -> list[Any]:
    return [kind for direct in base.__subclasses__() for kind in [direct, *_all(direct)] if _is_ours(kind)]
