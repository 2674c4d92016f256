"""Everything that trains on a log: each combination of what a YAML may name, with numbers drawn."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import graphrec.models
from graphrec import losses
from graphrec.fusion.task import FusionTask
from graphrec.graph import BipartiteGraph
from graphrec.models import MLP, PurchaseRanker, RawFeatures, TopFrequency
from graphrec.models.base import ClosedForm, Decoder, Encoder
from graphrec.models.encoders.contrastive import ContrastiveEncoder
from graphrec.models.filter_responses import FilterResponse
from graphrec.training import (
    AdaptiveTemperatureTask,
    ClosedFormTask,
    ContrastiveTask,
    DirectAUTask,
    RankedTask,
    RankingTask,
)

Generator = np.random.Generator


def exported(kind: type) -> list[type]:
    """The concrete classes of a kind that a YAML may name."""
    classes = [getattr(graphrec.models, name) for name in graphrec.models.__all__]
    return [one for one in classes if issubclass(one, kind) and not inspect.isabstract(one)]


ENCODERS, DECODERS = exported(Encoder), exported(Decoder)
CLOSED, RESPONSES = exported(ClosedForm), exported(FilterResponse)
LOSSES = [losses.bpr, losses.bce, losses.sampled_softmax, losses.mse, losses.BilateralSoftmax()]
SAMPLINGS = ["pair", "shared", "batch", "popular", "log_q", "batch_log_q", "none"]


def _whole(random: Generator, *choices: Any) -> Any:
    return choices[random.integers(len(choices))]


def drawn_encoder(random: Generator, kind: type) -> Callable[[BipartiteGraph], Encoder]:
    """An encoder of any size, as a YAML with init_args gives it."""
    known = inspect.signature(kind).parameters
    layers = int(random.integers(1, 5))
    heads = int(random.integers(1, 3))
    options = {
        "dim": heads * int(random.integers(1, 9)),
        "num_layers": layers,
        "heads": heads,
        "hidden": int(random.integers(1, 9)),
        "dropout": _whole(random, 0.0, 0.1, 0.5, 0.9),
        "noise": _whole(random, 0.0, 0.1, 5.0),
        "contrast_layer": int(random.integers(0, layers + 1)),
        "init_std": _whole(random, 1e-6, 0.1, 3.0),
        "start": _whole(random, "auto", "normal", "spectral"),
        "storage": _whole(random, "auto", "float32", "bfloat16"),
    }
    return partial(kind, **{name: value for name, value in options.items() if name in known})


def drawn_decoder(random: Generator, kind: type) -> Decoder:
    if kind is MLP:
        return MLP(_whole(random, None, [1], [3, 2]))
    known = inspect.signature(kind).parameters
    return kind(temperature=_whole(random, 0.05, 0.2, 1.0)) if "temperature" in known else kind()


def drawn_closed_form(random: Generator, kind: type, response: type) -> ClosedForm:
    """A closed-form model with options of any size."""
    known = inspect.signature(kind).parameters
    options: dict[str, Any] = {
        "neighbours": _whole(random, 1, 3, 100),
        "dim": int(random.integers(1, 70)),
        "epochs": 2,
        "trees": 2,
        "horizon": int(random.integers(1, 6)),
        "depth": _whole(random, 1, 60),
        "rank": _whole(random, 1, 5, 512),
        "degree": _whole(random, None, 0, 1, 3),
        "recency": _whole(random, 0.0, 1.0),
        "response": response(),
        "oversampling": _whole(random, 0, 2, 32),
        "iterations": _whole(random, 0, 3),
        "l2": _whole(random, 0.5, 100.0),
        "max_items": _whole(random, None, 1, 7),
        "shrinkage": _whole(random, 0.0, 10.0),
        "power": _whole(random, 0.0, 0.7, 2.0),
    }
    return kind(**{name: value for name, value in options.items() if name in known})


def _shared(graph: BipartiteGraph) -> bool:
    """Whether two items have the same brand, which makes it a node."""
    table = None if graph.tables is None else graph.tables.item
    return table is not None and bool(table["brand"].dropna().duplicated().any())


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Args:
        task: Draws the rest of its options.
        parts: Task, encoder or model, and whatever else is chosen.
    """

    task: Callable[[Generator], RankedTask]
    parts: tuple[object, ...]

    def may_refuse(self, graph: BipartiteGraph) -> bool:
        """Whether one line may say why this does not train: no weights, weeks or shared values."""
        if RawFeatures in self.parts:
            return MLP not in self.parts
        if graphrec.models.HeteroGCN in self.parts and not _shared(graph):
            return True
        no_order = graphrec.models.Spectral in self.parts and not len(graph.edge_place)
        return no_order or (not graph.has_weeks and bool({PurchaseRanker, TopFrequency} & set(self.parts)))


def _ranking_options(random: Generator, sampling: str, loss: Any) -> dict[str, Any]:
    named = {"popular": "shared", "log_q": "shared", "batch_log_q": "batch"}.get(sampling, sampling)
    return {
        "loss": losses.catalogue_squares if sampling == "none" else _whole(random, loss, loss, None),
        "sampling": named,
        "popularity": _whole(random, 0.5, 1.0) if sampling in ("popular", "log_q") else 0.0,
        "log_q": sampling.endswith("log_q"),
        "negatives": int(random.integers(1, 6)) if named in ("pair", "shared") else 1,
        "learning_rate": _whole(random, 1e-3, 0.05),
        "l2": _whole(random, 0.0, 1e-4, 1.0),
        "prior": None if sampling == "none" else _whole(random, None, 0.0, 1.0, 2.0),
        "weight_decay": _whole(random, 0.0, 1e-4),
    }


def _ranking(encoder: type, decoder: type, loss: Any, sampling: str) -> Plan:
    def task(random: Generator) -> RankedTask:
        options = _ranking_options(random, sampling, loss)
        return RankingTask(drawn_encoder(random, encoder), drawn_decoder(random, decoder), **options)

    return Plan(task, (RankingTask, encoder, decoder, loss, sampling))


def _contrastive(encoder: type, decoder: type, loss: Any, sampling: str) -> Plan:
    def task(random: Generator) -> RankedTask:
        options = _ranking_options(random, sampling, loss)
        del options["popularity"], options["log_q"]
        options |= {"contrast": _whole(random, 0.0, 0.2), "temperature": _whole(random, 0.05, 0.15, 1.0)}
        return ContrastiveTask(drawn_encoder(random, encoder), drawn_decoder(random, decoder), **options)

    return Plan(task, (ContrastiveTask, encoder, decoder, loss, sampling))


def _of_edges(kind: type, encoder: type) -> Plan:
    return Plan(lambda random: kind(drawn_encoder(random, encoder)), (kind, encoder))


def _closed(kind: type, response: type) -> Plan:
    def task(random: Generator) -> RankedTask:
        return ClosedFormTask(drawn_closed_form(random, kind, response))

    return Plan(task, (ClosedFormTask, kind, response))


def _fusion(first: type, second: type, combine: Any) -> Plan:
    def task(random: Generator) -> RankedTask:
        members: list[RankedTask] = [
            ClosedFormTask(drawn_closed_form(random, kind, RESPONSES[0])) for kind in (first, second)
        ]
        members.append(RankingTask(drawn_encoder(random, graphrec.models.LightGCN)))
        return FusionTask(members, random.random(3).tolist(), combine, gated=bool(random.integers(2)))

    return Plan(task, (FusionTask, first, second, combine))


@functools.cache
def plans() -> list[list[Plan]]:
    """Everything that trains, of five kinds, each in an order of its own."""
    ranking = [
        _ranking(encoder, decoder, loss, sampling)
        for encoder, decoder, loss, sampling in itertools.product(ENCODERS, DECODERS, LOSSES, SAMPLINGS)
        if sampling != "none" or (decoder is graphrec.models.Dot and loss is LOSSES[0])
    ]
    contrastive = [one for one in ENCODERS if issubclass(one, ContrastiveEncoder)]
    combined = itertools.product(contrastive, DECODERS, LOSSES, ["pair", "shared", "batch"])
    closed = [
        _closed(kind, response)
        for kind in CLOSED
        for response in (RESPONSES if "response" in inspect.signature(kind).parameters else RESPONSES[:1])
    ]
    found = [
        ranking,
        [_contrastive(*combination) for combination in combined],
        [_of_edges(kind, one) for kind in (DirectAUTask, AdaptiveTemperatureTask) for one in ENCODERS],
        closed,
        [
            _fusion(*pair, combine)
            for pair in itertools.combinations(CLOSED, 2)
            for combine in ("score", "rank")
        ],
    ]
    order = np.random.default_rng(0)
    return [[kind[place] for place in order.permutation(len(kind))] for kind in found]


_TURNS = (0, 0, 0, 0, 0, 1, 2, 3, 3, 4)
"""Which kind is next: half of the logs are for the many combinations of the first."""


def plan_of(number: int) -> Plan:
    """The plan of a log: each kind goes through all of its plans, over and over."""
    kind = _TURNS[number % len(_TURNS)]
    before = _TURNS[: number % len(_TURNS)].count(kind)
    place = number // len(_TURNS) * _TURNS.count(kind) + before
    return plans()[kind][place % len(plans()[kind])]
