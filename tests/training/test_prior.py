"""What a fit begins with: the most bought items, in training and in ranking, against formulae in loops."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

import graphrec as gr
from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph
from graphrec.losses import BilateralSoftmax, bpr, catalogue_squares
from graphrec.models import MLP, Cosine, Dot, LightGCN, ScaledCosine
from graphrec.sampling import pair_negatives, shared_negatives, step_generator
from graphrec.training import RankingTask


@pytest.fixture(scope="module")
def graph() -> BipartiteGraph:
    return drawn(users=40, items=30, rows=260, seed=2)


def drawn(users: int, items: int, rows: int, seed: int) -> BipartiteGraph:
    """Some items sell a lot, most a little, and one not at all."""
    draw = np.random.default_rng(seed)
    item = (items - 1) * draw.random(rows) ** 3
    frame = pd.DataFrame({"user": draw.integers(users, size=rows), "item": item.astype(int)})
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(users)), IdMap(np.arange(items))))


def scores(task: RankingTask, graph: BipartiteGraph, prior: float) -> np.ndarray:
    """What the decoder gives, and the log of the number of buyers."""
    with torch.no_grad():
        user, item = task.recommender.encoder(graph)
        given = task.decoder(user[:, None].expand(-1, len(item), -1), item[None].expand(len(user), -1, -1))
    buyers = np.bincount(graph.edge_item, minlength=graph.num_items)
    return given.double().numpy() + prior * np.log(1 + buyers)


def task_of(graph: BipartiteGraph, **options) -> RankingTask:
    torch.manual_seed(0)
    task = RankingTask(lambda graph: LightGCN(graph, dim=8, num_layers=2), l2=0.0, **options)
    task.bind(graph)
    return task


def test_nothing_given_is_a_softmax_with_the_prior(graph):
    task = task_of(graph)
    assert isinstance(task.loss, BilateralSoftmax)
    assert isinstance(task.decoder, ScaledCosine)
    assert (task.sampling, task.negatives, task.prior) == ("shared", 1024, 1.0)


def test_a_loss_that_is_given_brings_what_it_is_made_for(graph):
    pairs = task_of(graph, loss=bpr)
    assert (pairs.sampling, pairs.negatives, pairs.prior) == ("pair", 1, 0.0)
    assert isinstance(pairs.decoder, Dot)
    many = task_of(graph, loss=BilateralSoftmax())
    assert (many.sampling, many.negatives, many.prior) == ("shared", 1024, 0.0)
    assert task_of(graph, loss=catalogue_squares).sampling == "none"


def test_a_perceptron_is_trained_on_pairs(graph):
    task = task_of(graph, decoder=MLP())
    assert (task.loss, task.sampling, task.negatives, task.prior) == (bpr, "pair", 1, 1.0)


@pytest.mark.parametrize("decoder", [Dot(), Cosine(0.2), ScaledCosine(1.5)])
@pytest.mark.parametrize("prior", [0.0, 1.0, 1.7])
def test_the_softmax_over_shared_items_has_it(decoder, prior, graph):
    task = task_of(graph, decoder=decoder, prior=prior, negatives=7)
    edges = torch.tensor([3, 0, 21, 50])
    table, negatives = (
        scores(task, graph, prior),
        shared_negatives(graph, 7, step_generator(0, 0, edges.device)),
    )
    loss = 0.0
    for user, item in zip(graph.edge_user[edges], graph.edge_item[edges], strict=True):
        loss += (math.log(sum(math.exp(table[user, one]) for one in negatives)) - table[user, item]) / 4
    assert task.training_step(edges, 0).item() == pytest.approx(loss, rel=1e-4)


def test_pairs_have_it(graph):
    task = task_of(graph, loss=bpr, prior=1.3)
    edges = torch.tensor([3, 0, 21, 50])
    users, items = graph.edge_user[edges], graph.edge_item[edges]
    negatives = pair_negatives(graph, users, 1, step_generator(0, 0, edges.device))[:, 0]
    table = scores(task, graph, 1.3)
    loss = np.log1p(np.exp(table[users, negatives] - table[users, items])).mean()
    assert task.training_step(edges, 0).item() == pytest.approx(loss, rel=1e-4)


def test_as_often_as_they_are_bought_and_corrected_is_the_same_optimum_without_noise(graph):
    """With popular negatives and ``log_q`` what is added cancels, but for the one of 1 + buyers."""
    task = task_of(graph, sampling="shared", popularity=1.0, log_q=True, negatives=5)
    buyers = torch.bincount(graph.edge_item, minlength=graph.num_items).float()
    sold = buyers > 0
    added = task.item_offset[sold]
    expected = ((1 + buyers) / buyers)[sold].log() + buyers.sum().log()
    torch.testing.assert_close(added, expected)


@pytest.mark.parametrize("decoder", [Dot(), Cosine(0.2), MLP([4])])
def test_ranking_has_it(decoder, graph):
    task = task_of(graph, decoder=decoder, prior=1.5)
    task.recommender.eval()
    with torch.no_grad():
        found = task.recommender.score(torch.arange(graph.num_users))
    np.testing.assert_allclose(found, scores(task, graph, 1.5), atol=1e-4)


def test_the_search_in_a_large_catalogue_finds_what_all_scores_say():
    graph = drawn(users=20, items=6000, rows=30_000, seed=1)
    task = task_of(graph)
    task.recommender.eval()
    users = torch.arange(20)
    listed = task.recommender.lists(users, 10, ["new"])["new"]
    table = scores(task, graph, 1.0)
    table[graph.edge_user, graph.edge_item] = -np.inf
    best = np.sort(table, axis=1)[:, ::-1][:, :10]
    assert task.recommender._index is not None
    np.testing.assert_allclose(listed[0], best, atol=1e-4)


@pytest.mark.parametrize("taste", [pytest.param(0.0, marks=pytest.mark.slow), 0.25])
def test_a_fit_by_default_does_not_stop_below_the_most_bought_items(taste, tmp_path, monkeypatch):
    """Nearly everybody buys the same; a loss of pairs stands below these items for many epochs."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(5)
    rows, share = 6000, 1 / np.arange(1, 121)
    user, item = draw.integers(300, size=rows), draw.choice(120, size=rows, p=share / share.sum())
    own = draw.random(rows) < taste
    item[own] = 100 + user[own] % 4 * 5 + draw.integers(5, size=own.sum())
    log = pd.DataFrame({"user_id": user, "item_id": item})
    data = gr.load(log, split=gr.Random(), cutoffs=[20])
    value = {
        name: gr.fit(model, data).metrics("validation").set_index("metric")["value"]["ndcg_20_new"]
        for name, model in {"lightgcn": gr.LightGCN(), "popularity": gr.Popularity()}.items()
    }
    assert value["lightgcn"] >= value["popularity"] * (0.99 if taste == 0 else 1.05)
