"""The measures: what each is called, how it is computed and which way is better, in one table.

Evaluation, report, reproduction and commands read it. Reports and helps load no torch, so nothing here
imports it: a measure of lists uses the methods of the tensors that it is given.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from graphrec.errors import InputError
from graphrec.evaluation.beyond import diversity, miscalibration, novelty, serendipity
from graphrec.evaluation.catalogue import coverage, coverage_of_third, gini
from graphrec.evaluation.classification import area_under_curve, average_precision
from graphrec.evaluation.lists import Lists
from graphrec.evaluation.probability.calibration import expected_calibration_error, log_loss

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BY_NAME", "MEASURES", "Lists", "Measure", "metric_title", "of_kind", "own_measures", "told"]

Kind = Literal["user", "catalogue", "probability"]
"""What is measured: the list of each user, all lists together, or a probability against what happened."""
Need = Literal["train", "categories"]
"""What a measure needs beside the lists and what was to be found."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Measure:
    """One measure.

    Args:
        name: Its part of ``val_<name>_20``: letters, digits and underscores.
        title: What tables and pages call it.
        compute: `Lists` to a number per user ``[n]``; for a ``catalogue``, see `CatalogueMeasure`; for a
            ``probability``, probabilities ``[P]`` and what happened ``[P]`` to a number.
        higher_is_better: False if smaller is better, None if neither is, so that no winner is named.
        kind: What it is computed of.
        needs: Without which it cannot be computed.

    Raises:
        InputError: If an argument is none of these.
    """

    name: str
    title: str
    compute: Callable[..., Any]
    higher_is_better: bool | None = True
    kind: Kind = "user"
    needs: Need | None = None

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


def _of_catalogue(name: str, title: str, compute: Callable[..., Any]) -> Measure:
    return Measure(name, title, compute, higher_is_better=None, kind="catalogue", needs="train")


MEASURES = (
    Measure("precision", "Precision", lambda lists: lists.found / lists.k),
    Measure("recall", "Recall", lambda lists: lists.found / lists.relevant),
    Measure("ndcg", "NDCG", _ndcg),
    Measure("hit_ratio", "Hit ratio", lambda lists: (lists.found > 0).to(lists.hits.dtype)),
    Measure("mrr", "MRR", lambda lists: (lists.hits / lists.place).amax(dim=1)),
    Measure("map", "MAP", _mean_precision),
    # a model that shows more of the catalogue, rarer items or other categories is not thereby better
    _of_catalogue("coverage", "Coverage", coverage),
    *(
        _of_catalogue(f"coverage_{name}", f"Coverage, {name} third", coverage_of_third(third))
        for third, name in enumerate(("head", "middle", "tail"))
    ),
    _of_catalogue("gini", "Gini of exposure", gini),
    Measure("novelty", "Novelty", novelty, higher_is_better=None, needs="train"),
    Measure("serendipity", "Serendipity", serendipity, needs="train"),
    Measure("diversity", "Diversity", diversity, higher_is_better=None, needs="categories"),
    Measure("miscalibration", "Miscalibration", miscalibration, higher_is_better=False, needs="categories"),
    Measure("logloss", "Log loss", log_loss, higher_is_better=False, kind="probability"),
    Measure("auc", "AUC", area_under_curve, kind="probability"),
    Measure("average_precision", "Average precision", average_precision, kind="probability"),
    Measure(
        "ece", "Calibration error", expected_calibration_error, higher_is_better=False, kind="probability"
    ),
)
BY_NAME = {measure.name: measure for measure in MEASURES}


def of_kind(*kinds: Kind, given: Collection[Need] | None = None) -> tuple[Measure, ...]:
    """List the measures of some kinds, in the order of the table.

    Args:
        kinds: What they measure.
        given: Leaves out those that need something else; None lists all.
    """
    found = (measure for measure in MEASURES if measure.kind in kinds)
    return tuple(one for one in found if given is None or one.needs is None or one.needs in given)


def absent(given: Collection[Need]) -> dict[Need, tuple[Measure, ...]]:
    """List the measures of lists that cannot be computed, by what they lack."""
    lists = of_kind("user", "catalogue")
    return {
        need: lacking
        for need in get_args(Need)
        if need not in given and (lacking := tuple(one for one in lists if one.needs == need))
    }


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
