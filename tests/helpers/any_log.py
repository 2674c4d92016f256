"""Any log, and what a task makes of it.

A log has 1 to 60 users and 1 to 40 items, of any density: a single edge, a complete graph, users who bought
everything, users and items without an edge, rows again and again, with weeks or without.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import torch
from any_plan import Generator, plan_of

from graphrec.data.features.build import Features
from graphrec.data.features.nodes import AttributeTables
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.data.module import EdgeBatches
from graphrec.errors import InputError
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph
from graphrec.models.base import Recommender
from graphrec.training import (
    RankedTask,
    RankingTask,
)

MOST_USERS, MOST_ITEMS = 60, 40


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
    user, item = np.nonzero(random.random((users, items)) < 0.3)
    other = pd.DataFrame({"user": user, "item": item})
    return Interactions(_frame(random, bought), *ids), Interactions(other, *ids)


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
    again = random.integers(0, len(user), random.integers(0, len(user) + 1))
    rows = np.concatenate([np.arange(len(user)), again])
    columns = {"user": user[rows], "item": item[rows]}
    if random.random() < 0.5:
        columns["week"] = random.integers(1, random.integers(2, 60), len(rows))
    return pd.DataFrame(columns)


def drawn_features(random: Generator, train: Interactions) -> Features:
    """Vectors of any length from one on, constant columns among them."""
    sides = []
    for count in (len(train.users), len(train.items)):
        side = random.normal(size=(count, random.integers(1, 5))).astype(np.float32)
        sides.append(side * (random.random(side.shape[1]) < 0.7).astype(np.float32))
    return Features(*sides, *([f"f{j}" for j in range(side.shape[1])] for side in sides))


def drawn_graph(random: Generator) -> tuple[BipartiteGraph, Interactions]:
    train, other = drawn_log(random)
    return BipartiteGraph(train, drawn_features(random, train), tables=drawn_tables(random, train)), other


def drawn_tables(random: Generator, log: Interactions) -> AttributeTables:
    """Two brands, one of which a half of the items lacks; no table of users."""
    brand = random.choice(["a", "b", None], len(log.items))
    items = pd.DataFrame({Columns.ITEM: log.items.ids, "brand": brand})
    items.loc[:1, "brand"] = "a"  # a value that two items share is a node
    return AttributeTables(None, items, log.users, log.items)


def trained(task: RankedTask, graph: BipartiteGraph, batch_size: int, steps: int = 2) -> RankedTask:
    """Bind a task and train it as the trainer does: the same batches, steps and optimizer."""
    task.bind(graph)
    if not isinstance(task, RankingTask):
        return task.eval()
    optimizer = task.configure_optimizers()
    task.train()
    task.on_train_start()
    task.on_train_epoch_start()
    for number, edges in enumerate(itertools.islice(EdgeBatches(graph.num_edges, batch_size, 0), steps)):
        optimizer.zero_grad()
        loss = task.training_step(edges, number)
        loss.backward()
        optimizer.step()
    task.check_trained()
    return task.eval()


def ranked(recommender: Recommender, other: Interactions, k: int) -> dict[str, float]:
    """The measures of the other part, on every item set; every score and measure must be a number."""
    graph = recommender.graph
    users = torch.arange(graph.num_users)
    with torch.no_grad():
        scores = recommender.score(users)
    assert scores.shape == (graph.num_users, graph.num_items)
    assert scores.isfinite().all(), "a score is not finite"
    evaluator = RankingEvaluator(graph, truth_lists(other.pairs(), graph), (1, k), ("all", "repeat", "new"))
    evaluator.rank(users, recommender)
    measured = evaluator.compute()
    new = graph.num_items - graph.seen.counts(users)
    assert torch.equal((measured["new"].items >= 0).sum(1), new.clamp_max(k)[measured["new"].users])
    found = {name: measures.means() for name, measures in measured.items() if len(measures.users)}
    measures = {f"{name}_{key}": value for name, means in found.items() for key, value in means.items()}
    assert all(np.isfinite(value) for value in measures.values()), measures
    return measures


def try_log(number: int) -> str | None:
    """Draw a log and what trains on it, train and rank; what one line said if it may be refused."""
    random, plan = np.random.default_rng(number), plan_of(number)
    torch.manual_seed(number)
    graph, other = drawn_graph(random)
    batch_size, k = int(2 ** random.uniform(0, 13)), int(random.integers(1, 2 * MOST_ITEMS))
    try:
        task = trained(plan.task(random), graph, batch_size)
    except InputError as error:
        if plan.may_refuse(graph):
            return str(error)
        raise
    ranked(task.recommender, other, k)
    return None
