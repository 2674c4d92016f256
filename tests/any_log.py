"""Any log and anything that trains on it, drawn from a number.

A log has 1 to 60 users and 1 to 40 items, of any density: a single edge, a complete graph, users who bought
everything, users and items without an edge, rows again and again, with weeks or without.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

import graphrec.models
from graphrec import losses
from graphrec.data.features import Features
from graphrec.data.interactions import IdMap, Interactions
from graphrec.data.module import EdgeBatches
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.models import MLP
from graphrec.models.base import ClosedForm, Decoder, Encoder, Recommender
from graphrec.models.contrastive import ContrastiveEncoder
from graphrec.models.responses import Response
from graphrec.training import (
    AdaptiveTemperatureTask,
    ClosedFormTask,
    ContrastiveTask,
    DirectAUTask,
    RankedTask,
    RankingTask,
)

MOST_USERS, MOST_ITEMS = 60, 40
Generator = np.random.Generator


def exported(kind: type) -> list[type]:
    """The concrete classes of a kind that a YAML may name."""
    classes = [getattr(graphrec.models, name) for name in graphrec.models.__all__]
    return [one for one in classes if issubclass(one, kind) and not inspect.isabstract(one)]


ENCODERS, DECODERS = exported(Encoder), exported(Decoder)
CLOSED, RESPONSES = exported(ClosedForm), exported(Response)
LOSSES = [losses.bpr, losses.bce, losses.sampled_softmax, losses.mse, losses.BilateralSoftmax()]
SAMPLINGS = ["pair", "shared", "batch", "popular", "log_q", "batch_log_q", "none"]


def drawn_log(random: Generator) -> tuple[Interactions, Interactions]:
    """A training part and one to rank, of the same users and items."""
    users, items = int(random.integers(1, MOST_USERS + 1)), int(random.integers(1, MOST_ITEMS + 1))
    if random.random() < 0.15:
        users = int(random.integers(1, 4))
    if random.random() < 0.15:
        items = int(random.integers(1, 4))
    bought = random.random((users, items)) < _density(random, users, items)
    if random.random() < 0.2:
        bought[random.integers(users)] = True  # somebody has everything
    if random.random() < 0.2:
        bought[:, random.integers(items)] = True  # everybody has it
    if not bought.any():
        bought[random.integers(users), random.integers(items)] = True
    ids = IdMap(np.arange(users)), IdMap(np.arange(items))
    train, other = _frame(random, bought), _frame(random, random.random((users, items)) < 0.3)
    return Interactions(train, *ids), Interactions(other, *ids)


def _density(random: Generator, users: int, items: int) -> np.ndarray:
    kind = random.integers(5)
    if kind == 0:
        return np.zeros((users, items))
    if kind == 1:
        return np.ones((users, items))
    if kind == 2:  # popular items and active users
        return np.outer(random.random(users) ** 3, random.random(items) ** 3)
    return np.full((users, items), random.random() ** (1 if kind == 3 else 3))


def _frame(random: Generator, bought: np.ndarray) -> pd.DataFrame:
    user, item = np.nonzero(bought)
    again = random.integers(0, len(user), random.integers(0, 2 * len(user) + 1)) if len(user) else []
    rows = np.concatenate([np.arange(len(user)), again]).astype(int)
    frame = pd.DataFrame({"user": user[rows], "item": item[rows]}, dtype=np.int64)
    if random.random() < 0.7:
        frame["week"] = random.integers(1, random.integers(2, 60), len(frame))
    return frame


def drawn_features(random: Generator, train: Interactions) -> Features:
    """Vectors of any length from one on, constant columns among them."""
    sides = []
    for count in (len(train.users), len(train.items)):
        side = random.normal(size=(count, random.integers(1, 5))).astype(np.float32)
        sides.append(side * (random.random(side.shape[1]) < 0.7).astype(np.float32))
    return Features(*sides, *([f"f{j}" for j in range(side.shape[1])] for side in sides))


def drawn_graph(random: Generator) -> tuple[BipartiteGraph, Interactions]:
    train, other = drawn_log(random)
    return BipartiteGraph(train, drawn_features(random, train)), other


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
        "init_std": _whole(random, 0.0, 0.1, 0.1, 3.0),
        "start": _whole(random, "normal", "spectral"),
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


@dataclass(frozen=True)
class Plan:
    """What is trained, to be bound to a graph."""

    kind: type
    of: Callable[[Generator], RankedTask]
    parts: tuple[object, ...]


def _ranking_options(random: Generator, sampling: str, loss: Any) -> dict[str, Any]:
    named = {"popular": "shared", "log_q": "shared", "batch_log_q": "batch"}.get(sampling, sampling)
    return {
        "loss": losses.catalogue_squares if sampling == "none" else loss,
        "sampling": named,
        "popularity": _whole(random, 0.5, 1.0) if sampling in ("popular", "log_q") else 0.0,
        "log_q": sampling.endswith("log_q"),
        "negatives": int(random.integers(1, 6)) if named in ("pair", "shared") else 1,
        "learning_rate": _whole(random, 1e-3, 0.05),
        "l2": _whole(random, 0.0, 1e-4, 1.0),
        "weight_decay": _whole(random, 0.0, 1e-4),
    }


def _ranking(encoder: type, decoder: type, loss: Any, sampling: str) -> Plan:
    def task(random: Generator) -> RankedTask:
        options = _ranking_options(random, sampling, loss)
        return RankingTask(drawn_encoder(random, encoder), drawn_decoder(random, decoder), **options)

    return Plan(RankingTask, task, (encoder, decoder, loss, sampling))


def _contrastive(encoder: type, decoder: type, loss: Any, sampling: str) -> Plan:
    def task(random: Generator) -> RankedTask:
        options = _ranking_options(random, sampling, loss)
        del options["popularity"], options["log_q"]
        options |= {"contrast": _whole(random, 0.0, 0.2), "temperature": _whole(random, 0.05, 0.15, 1.0)}
        return ContrastiveTask(drawn_encoder(random, encoder), drawn_decoder(random, decoder), **options)

    return Plan(ContrastiveTask, task, (encoder, decoder, loss, sampling))


def _of_edges(kind: type, encoder: type) -> Plan:
    return Plan(kind, lambda random: kind(drawn_encoder(random, encoder)), (encoder,))


def _closed(kind: type, response: type) -> Plan:
    def task(random: Generator) -> RankedTask:
        return ClosedFormTask(drawn_closed_form(random, kind, response))

    return Plan(ClosedFormTask, task, (kind, response))


def plans() -> list[Plan]:
    """Everything that trains: each combination of encoder, decoder, loss and sampling, and the rest."""
    found = [
        _ranking(encoder, decoder, loss, sampling)
        for encoder, decoder, loss, sampling in itertools.product(ENCODERS, DECODERS, LOSSES, SAMPLINGS)
        if sampling != "none" or (decoder is graphrec.models.Dot and loss is LOSSES[0])
    ]
    contrastive = [one for one in ENCODERS if issubclass(one, ContrastiveEncoder)]
    combined = itertools.product(contrastive, DECODERS, LOSSES, ["pair", "shared", "batch"])
    found += [_contrastive(*combination) for combination in combined]
    found += [_of_edges(kind, one) for kind in (DirectAUTask, AdaptiveTemperatureTask) for one in ENCODERS]
    found += [
        _closed(kind, response)
        for kind in CLOSED
        for response in (RESPONSES if "response" in inspect.signature(kind).parameters else RESPONSES[:1])
    ]
    return found


def trained(task: RankedTask, graph: BipartiteGraph, batch_size: int, steps: int = 3) -> RankedTask:
    """Bind a task and train it as the trainer does: the same batches, steps and optimizer."""
    task.bind(graph)
    if isinstance(task, ClosedFormTask):
        return task.eval()
    optimizer = task.configure_optimizers()
    task.train()
    task.on_train_start()
    task.on_train_epoch_start()
    batches = iter(EdgeBatches(graph.num_edges, batch_size, seed=0))
    for number, edges in enumerate(itertools.islice(batches, steps)):
        optimizer.zero_grad()
        loss = task.training_step(edges, number)
        assert loss.isfinite(), f"loss {loss}"
        loss.backward()
        optimizer.step()
    for name, value in task.named_parameters():
        assert value.isfinite().all(), f"{name} is not finite"
    return task.eval()


def ranked(recommender: Recommender, other: Interactions, random: Generator) -> dict[str, float]:
    """The measures of the other part, on every item set; every score and measure must be a number."""
    graph = recommender.graph
    users = torch.arange(graph.num_users)
    with torch.no_grad():
        scores = recommender.score(users)
    assert scores.shape == (graph.num_users, graph.num_items)
    assert scores.isfinite().all(), "a score is not finite"
    sets = ("all", "repeat", "new")
    k = int(random.integers(1, 2 * MOST_ITEMS))
    evaluator = RankingEvaluator(graph, truth_lists(other.pairs(), graph), (1, k), sets)
    evaluator.rank(users, recommender)
    found = {name: measures.means() for name, measures in evaluator.compute().items() if len(measures.users)}
    measures = {f"{name}_{key}": value for name, means in found.items() for key, value in means.items()}
    assert all(np.isfinite(value) for value in measures.values()), measures
    listed = recommender.recommend(users, k, "new")
    seen = graph.seen_mask(users)
    assert ((listed.items >= 0).sum(1) == (~seen).sum(1).clamp_max(k)).all()
    return measures
