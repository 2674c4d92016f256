"""Every number that a model, loss or task takes is tried out of its range: one line, or finite results."""

from __future__ import annotations

import argparse
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from any_log import drawn_graph, ranked, trained
from any_plan import CLOSED, DECODERS, ENCODERS, RESPONSES

from graphrec import losses
from graphrec.cli.main import parser
from graphrec.cli.offers.checks import check_ranges
from graphrec.errors import InputError, check_at_least
from graphrec.graph import BipartiteGraph
from graphrec.models import IALS, MLP, LightGCN, PurchaseRanker, RawFeatures, Spectral
from graphrec.models.encoders.contrastive import ContrastiveEncoder
from graphrec.response.task import ResponseTask
from graphrec.training import (
    AdaptiveTemperatureTask,
    ClosedFormTask,
    ContrastiveTask,
    DirectAUTask,
    RankedTask,
    RankingTask,
)

TRIED = (math.nan, math.inf, -math.inf, -1, 0, 1e-300, 1e300, 10**12, 2**63)


def numbers(of: type) -> Iterator[tuple[str, type, bool]]:
    """Name, type and whether it is a list, of each number that a constructor takes."""
    hints = typing.get_type_hints(of.__init__)
    for name in inspect.signature(of).parameters:
        hint = hints.get(name)
        choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        for choice in choices:
            inside = typing.get_args(choice)[0] if typing.get_origin(choice) is list else choice
            if inside in (int, float):
                yield name, inside, inside is not choice


def _decoder_of(encoder: type) -> Any:
    return MLP([4]) if encoder is RawFeatures else None


def _with_encoder(of: type, **given: Any) -> RankedTask:
    task = ContrastiveTask if issubclass(of, ContrastiveEncoder) else RankingTask
    return task(partial(of, **given), _decoder_of(of))


def _with_response(of: type, **given: Any) -> RankedTask:
    return ClosedFormTask(Spectral(of(**given), rank=4))


def _with_sampling(**given: Any) -> RankedTask:
    """A task in which the number is one that counts."""
    if "unobserved" in given:
        return RankingTask(_small, loss=losses.catalogue_squares, sampling="none", **given)
    return RankingTask(_small, sampling="shared" if "popularity" in given else "pair", **given)


def _small(graph: BipartiteGraph) -> LightGCN:
    return LightGCN(graph, dim=4)


Make = Callable[..., RankedTask]
OWNERS: dict[type, Make] = {
    **{of: partial(_with_encoder, of) for of in ENCODERS},
    **{of: lambda of=of, **given: RankingTask(_small, of(**given)) for of in DECODERS},
    **{of: lambda of=of, **given: ClosedFormTask(of(**given)) for of in CLOSED},
    **{of: partial(_with_response, of) for of in RESPONSES},
    losses.BilateralSoftmax: lambda **given: RankingTask(_small, loss=losses.BilateralSoftmax(**given)),
    RankingTask: _with_sampling,
    ContrastiveTask: ContrastiveTask,
    DirectAUTask: partial(DirectAUTask, _small),
    AdaptiveTemperatureTask: partial(AdaptiveTemperatureTask, _small),
}
TABLE = [
    (of, name, kind, in_list, value)
    for of in OWNERS
    for name, kind, in_list in numbers(of)
    for value in TRIED
    if not (kind is int and isinstance(value, float) and math.isfinite(value))
]


WITH_WEEKS = 12
"""Number of a log that everything trains on."""


def graph() -> tuple[BipartiteGraph, Any]:
    return drawn_graph(np.random.default_rng(WITH_WEEKS))


def outcome(make: Make, name: str, value: Any) -> str:
    """What one line said, or 'finite'; anything else is raised."""
    torch.manual_seed(0)
    of, other = graph()
    try:
        task = trained(make(**{name: value}), of, batch_size=64, steps=3)
        ranked(task.recommender, other, 5)
    except InputError as error:
        line = str(error)
        assert "\n" not in line
        assert name in line or "learning_rate" in line or "give its options less extreme" in line, line
        return line
    return "finite"


def test_the_graph_is_one_that_everything_trains_on():
    of, _ = graph()
    assert of.has_weeks
    assert of.num_users > 5
    assert of.num_items > 5
    for make in OWNERS.values():
        trained(make(), of, batch_size=64)


@pytest.mark.parametrize("of", OWNERS, ids=lambda of: of.__name__)
def test_numbers_out_of_range_are_one_line_or_give_finite_scores(of):
    for owner, name, _, in_list, value in TABLE:
        if owner is of:
            outcome(OWNERS[of], name, [value] if in_list else value)


@pytest.mark.parametrize("of", OWNERS, ids=lambda of: of.__name__)
def test_what_is_no_number_is_always_refused(of):
    for owner, name, _, in_list, value in TABLE:
        if owner is of and not math.isfinite(value):
            line = outcome(OWNERS[of], name, [value] if in_list else value)
            assert name in line, f"{name}={value}: {line}"


def test_the_table_is_whole():
    named = {(of.__name__, name) for of, name, *_ in TABLE}
    lists = {("LightGCN", "layer_weights"), ("MLP", "hidden")}
    assert lists | {("LightGCN", "dim"), ("RankingTask", "l2"), ("PowerLaw", "tail_slope")} <= named
    assert len(named) > 90


def test_a_response_task_refuses_them_too():
    for name, kind, in_list in numbers(ResponseTask):
        for value in (math.nan, math.inf, -1):
            given = [value] if in_list else value
            with pytest.raises(InputError, match=name):
                ResponseTask(**{name: given}).bind(3, (2,))
        assert kind in (int, float)


@pytest.mark.parametrize("count", [2**53 + 1, 10**30, 10**400, -(10**400)])
def test_whole_numbers_that_no_library_takes_are_one_line(count):
    digits = len(str(abs(count)))
    with pytest.raises(InputError, match=f"column 'batch_size': a number of {digits} digits is too"):
        check_at_least(1, batch_size=count)
    options = offers_options("--max_offers_per_user", str(count))
    with pytest.raises(
        InputError, match=f"option --max_offers_per_user: a number of {len(str(count))} digits"
    ):
        check_ranges(options)


def test_weeks_beyond_every_shop_are_refused():
    with pytest.raises(InputError, match="option --week: 10001 is not from -10000 to 10000"):
        check_ranges(offers_options("--week", "10001"))
    check_ranges(offers_options("--week", "10000", "--max_offers_per_user", "3"))


def offers_options(*words: str) -> argparse.Namespace:
    return parser().parse_args(["offers", "--ckpt", "x", "--out", "y", *words])


@pytest.mark.parametrize(
    ("of", "name"),
    [(IALS, "epochs"), (PurchaseRanker, "trees"), (Spectral, "iterations"), (Spectral, "degree")],
)
def test_rounds_that_would_never_end_are_refused(of, name):
    of(**{name: 10_000})
    with pytest.raises(InputError, match=f"column '{name}': 10001 is too large; give . to 10000"):
        of(**{name: 10_001})
