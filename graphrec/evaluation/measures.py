"""The measures: what each is called, how it is computed and which way is better, in one table.

Evaluation, report, reproduction and commands read it. Reports and helps load no torch, so nothing here
imports it: a measure of lists uses the methods of the tensors that it is given.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from graphrec.errors import InputError
from graphrec.evaluation.calibration import expected_calibration_error, log_loss
from graphrec.evaluation.classification import area_under_curve, average_precision
from graphrec.evaluation.intervals import coverage

if TYPE_CHECKING:
    from torch import Tensor

    from graphrec.graph import BipartiteGraph

Kind = Literal["user", "catalogue", "probability"]
"""What is measured: the list of each user, all lists together, or a probability against what happened."""
HISTORY = "train_interactions"
"""How many rows of the training part a user has: a column beside the measures of each user."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Lists:
    """The lists of users who have something to find, cut at K.

    Args:
        users: Codes of the users. Shape ``[n]``.
        items: Codes of what is listed, best first, −1 where a list is shorter. Shape ``[n, K]``, or
            ``[n, I]`` where the catalogue is smaller.
        hits: 1.0 where the user bought what is listed, else 0.0. Shape of `items`.
        relevant: How many items each user has to find. Shape ``[n]``.
        information: Bits that an item tells, ``−log2`` of the share of users who bought it in training. Shape
            of `items`.
        k: The cut-off ``K``.
        graph: The training graph.
    """

    users: Tensor
    items: Tensor
    hits: Tensor
    relevant: Tensor
    information: Tensor
    k: int
    graph: BipartiteGraph

    @cached_property
    def listed(self) -> Tensor:
        """True where a list has an item. Shape of `items`."""
        return self.items >= 0

    @cached_property
    def found(self) -> Tensor:
        """How many of the user's items are listed. Shape ``[n]``."""
        return self.hits.sum(dim=1)

    @cached_property
    def place(self) -> Tensor:
        """1, 2, … of the places of a list. Shape ``[K]``."""
        return self.hits.new_ones(self.hits.shape[1]).cumsum(0)

    @cached_property
    def discount(self) -> Tensor:
        """What NDCG gives to a hit at each place. Shape ``[K]``."""
        return 1.0 / (self.place + 1.0).log2()


@dataclass(frozen=True)
class Measure:
    """One measure.

    Args:
        name: Its part of ``val_<name>_20``: letters, digits and underscores.
        title: What tables and pages call it.
        compute: `Lists` to a number per user ``[n]``; for a ``catalogue``, items ``[n, K]`` and ``I`` to a
            share; for a ``probability``, probabilities ``[P]`` and what happened ``[P]`` to a number.
        higher_is_better: False if smaller is better, None if neither is, so that no winner is named.
        kind: What it is computed of.

    Raises:
        InputError: If an argument is none of these.
    """

    name: str
    title: str
    compute: Callable[..., Any]
    higher_is_better: bool | None = True
    kind: Kind = "user"

    def __post_init__(self) -> None:
        """Check what a file or a user's own module may have got wrong."""
        checks = {
            "name": (
                isinstance(self.name, str) and bool(_NAME.fullmatch(self.name)),
                "letters, digits and underscores, a letter first",
            ),
            "title": (
                isinstance(self.title, str) and bool(self.title.strip()),
                "the words that a table shows",
            ),
            "compute": (callable(self.compute), "a function of the lists"),
            "higher_is_better": (self.higher_is_better in (True, False, None), "True, False or None"),
            "kind": (self.kind in get_args(Kind), f"one of {', '.join(get_args(Kind))}"),
        }
        for argument, (holds, wanted) in checks.items():
            if not holds:
                what = f"measure {self.name!r}: {getattr(self, argument)!r} is no {argument}"
                raise InputError(what, column="measures", hint=f"give {wanted}")

    def __call__(self, *given: Any) -> Any:
        """Compute it; a YAML may name what can be called."""
        return self.compute(*given)


def _ndcg(lists: Lists) -> Tensor:
    ideal = lists.discount.cumsum(0)[lists.relevant.clamp_max(lists.hits.shape[1]) - 1]
    return (lists.hits * lists.discount).sum(dim=1) / ideal


def _mean_precision(lists: Lists) -> Tensor:
    precisions = lists.hits * lists.hits.cumsum(dim=1) / lists.place
    return precisions.sum(dim=1) / lists.relevant.clamp_max(lists.k)


def _novelty(lists: Lists) -> Tensor:
    return (lists.information * lists.listed).sum(dim=1) / lists.listed.sum(dim=1).clamp_min(1)


MEASURES = (
    Measure("precision", "Precision", lambda lists: lists.found / lists.k),
    Measure("recall", "Recall", lambda lists: lists.found / lists.relevant),
    Measure("ndcg", "NDCG", _ndcg),
    Measure("hit_ratio", "Hit ratio", lambda lists: (lists.found > 0).to(lists.hits.dtype)),
    Measure("mrr", "MRR", lambda lists: (lists.hits / lists.place).amax(dim=1)),
    Measure("map", "MAP", _mean_precision),
    # a model that shows more of the catalogue, or rarer items, is not thereby better
    Measure("coverage", "Coverage", coverage, higher_is_better=None, kind="catalogue"),
    Measure("novelty", "Novelty", _novelty, higher_is_better=None),
    Measure("logloss", "Log loss", log_loss, higher_is_better=False, kind="probability"),
    Measure("auc", "AUC", area_under_curve, kind="probability"),
    Measure("average_precision", "Average precision", average_precision, kind="probability"),
    Measure(
        "ece", "Calibration error", expected_calibration_error, higher_is_better=False, kind="probability"
    ),
)
BY_NAME = {measure.name: measure for measure in MEASURES}


def of_kind(*kinds: Kind) -> tuple[Measure, ...]:
    """List the measures of some kinds, in the order of the table."""
    return tuple(measure for measure in MEASURES if measure.kind in kinds)


def own_measures(named: Iterable[Any]) -> tuple[Measure, ...]:
    """Take the measures that a user adds: each a `Measure`, or a function of `Lists` that is to be large.

    Args:
        named: What the key ``measures`` of the data names.

    Raises:
        InputError: If one is no measure of a user's list, or has the name of another.
    """
    found: dict[str, Measure] = {}
    for one in named:
        measure = one if isinstance(one, Measure) else _of_function(one)
        if measure.kind != "user":
            hint = "leave kind out, and return a number per user"
            raise InputError(
                f"{measure.name} measures a {measure.kind}, not lists", column="measures", hint=hint
            )
        if measure.name in BY_NAME or measure.name in found:
            whose = "graphrec has" if measure.name in BY_NAME else "there already is"
            hint = "give yours another name"
            raise InputError(f"{whose} a measure '{measure.name}'", column="measures", hint=hint)
        found[measure.name] = measure
    return tuple(found.values())


def _of_function(function: Any) -> Measure:
    """Make a measure that is called what its function is called."""
    if not inspect.isfunction(function):
        hint = "name a function of the lists, or a graphrec.evaluation.measures.Measure"
        raise InputError(f"{function!r} is no measure", column="measures", hint=hint)
    return Measure(function.__name__, function.__name__.replace("_", " ").strip().capitalize(), function)


def told(named: Iterable[Any]) -> dict[str, Any]:
    """Say what a run keeps of a user's measures, so that a report need not import them; nothing of none."""
    own = {
        one.name: {"title": one.title, "higher_is_better": one.higher_is_better}
        for one in own_measures(named)
    }
    return {"measures": own} if own else {}


def metric_title(metric: str) -> str:
    """Name a metric as tables do: ``NDCG@20`` for ``ndcg_20``."""
    name, _, k = metric.rpartition("_")
    return f"{BY_NAME[name].title}@{k}"
