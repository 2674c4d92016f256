"""In-batch negatives and the temperature of Adap-τ, against their formulae in loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import lambertw
from torch.nn.functional import cosine_similarity

from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.losses import BilateralSoftmax, sampled_softmax
from graphrec.models import CosineTrained, LightGCN
from graphrec.sampling import shared_negatives, step_generator
from graphrec.training import AdaptiveTemperatureTask, RankingTask


@pytest.fixture(scope="module")
def graph() -> BipartiteGraph:
    source = synthetic(40, 30, num_blocks=4, density=0.12, seed=2)
    data = RecommenderData(source, Temporal(train_end=12, val_end=15))
    return BipartiteGraph(data.split.train)


def encoder(graph):
    return LightGCN(graph, dim=8, num_layers=1)


def cosines(task: RankingTask, graph: BipartiteGraph) -> np.ndarray:
    user, item = task.recommender.encoder(graph)
    return cosine_similarity(user[:, None], item[None], dim=2).detach().double().numpy()


def test_bilateral_softmax_is_the_formula():
    positive, negative = torch.tensor([0.3, -1.0]), torch.tensor([[0.1, 2.0], [0.5, -torch.inf]])
    by_hand = [
        0.84 * math.log(math.exp(0.1) + math.exp(2.0)) - 0.3,
        0.84 * math.log(math.exp(0.5)) + 1.0,
    ]
    assert BilateralSoftmax(0.84)(positive, negative).item() == pytest.approx(sum(by_hand) / 2, rel=1e-5)


def test_the_batch_holds_each_edge_against_the_items_of_the_other_edges(graph):
    task = RankingTask(encoder, CosineTrained(0.2), BilateralSoftmax(0.9), l2=0.5, sampling="batch")
    task.bind(graph)
    edges = torch.tensor([4, 0, 17, 30])
    users, items = graph.edge_user[edges], graph.edge_item[edges]
    scores, ego = cosines(task, graph) / 0.2, task.recommender.encoder.weight
    loss = penalty = 0.0
    for row in range(4):
        others = [math.exp(scores[users[row], items[column]]) for column in range(4) if column != row]
        loss += (0.9 * math.log(sum(others)) - scores[users[row], items[row]]) / 4
        nodes = (int(users[row]), graph.num_users + int(items[row]))
        penalty += sum(ego[node].square().sum().item() for node in nodes) / 8
    assert task.training_step(edges, 0).item() == pytest.approx(loss + 0.5 * penalty, rel=1e-4)


@pytest.mark.parametrize("power", [None, 0.5])
def test_log_q_is_taken_from_every_score(graph, power):
    """In a batch, items come as often as they are bought; shared ones as a power of that."""
    shared = {"sampling": "shared", "popularity": power, "negatives": 6}
    how = {"sampling": "batch"} if power is None else shared
    task = RankingTask(encoder, CosineTrained(0.2), sampled_softmax, l2=0.0, log_q=True, **how)
    task.bind(graph)
    edges = torch.tensor([4, 0, 17, 30])
    users, items = graph.edge_user[edges], graph.edge_item[edges]
    weight = graph.item_degree().double().numpy() ** (power or 1.0)
    scores = cosines(task, graph) / 0.2 - np.log(weight / weight.sum())
    if power is None:
        held = [[item for place, item in enumerate(items.tolist()) if place != row] for row in range(4)]
    else:
        generator = step_generator(0, 0, edges.device)
        held = [shared_negatives(graph, 6, generator, power).tolist()] * 4
    loss = 0.0
    for row in range(4):
        own = scores[users[row], items[row]]
        others = sum(math.exp(scores[users[row], item] - own) for item in held[row])
        loss += math.log(1 + others) / 4
    assert task.training_step(edges, 0).item() == pytest.approx(loss, rel=1e-4)


def test_log_q_makes_a_popular_negative_cost_less(graph):
    """Its effect on the gradient is that of drawing items uniformly: rare ones are pushed down more."""
    edges = torch.arange(graph.num_edges)
    pushed = []
    for log_q in (False, True):
        torch.manual_seed(0)
        task = RankingTask(
            encoder, CosineTrained(0.2), BilateralSoftmax(), l2=0.0, sampling="batch", log_q=log_q
        )
        task.bind(graph)
        negative = torch.zeros(4, graph.num_edges, requires_grad=True)
        shift = task.item_offset[graph.edge_item[edges]] if log_q else 0.0
        task.loss(torch.zeros(4), negative + shift).backward()
        by_item = torch.zeros(graph.num_items).index_add_(0, graph.edge_item, negative.grad[0])
        pushed.append(by_item[graph.item_degree() > 0])
    assert pushed[0].max() > 2 * pushed[0].min()
    torch.testing.assert_close(pushed[1], pushed[1].mean().expand_as(pushed[1]))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"sampling": "pair", "log_q": True}, "sampling pair takes no log_q; choose shared or batch"),
        ({"sampling": "batch", "popularity": 0.5}, "sampling batch takes no popularity; choose shared"),
    ],
)
def test_options_that_do_not_go_together_are_named(options, what):
    with pytest.raises(InputError, match=what):
        RankingTask(encoder, **options)


def test_ranking_is_by_inner_product_and_training_by_cosine():
    decoder, user, item = CosineTrained(0.5), torch.randn(3, 4), torch.randn(3, 4)
    torch.testing.assert_close(decoder(user, item), 2 * cosine_similarity(user, item))
    torch.testing.assert_close(decoder.matrix(user, item).diagonal(), decoder(user, item))
    decoder.eval()
    torch.testing.assert_close(decoder(user, item), (user * item).sum(1))
    torch.testing.assert_close(decoder.matrix(user, item), user @ item.T)


@pytest.mark.parametrize("held", [0, 1])
def test_temperatures_are_those_of_the_paper(graph, held):
    task = AdaptiveTemperatureTask(encoder, l2=0.0, spread=0.6, held_epochs=held)
    task.bind(graph)
    count = np.bincount(graph.edge_user.numpy(), minlength=graph.num_users)
    kept = count > np.quantile(count.astype(np.float32), 0.2)
    edges = kept[graph.edge_user.numpy()]
    pairs = math.log(0.5) + math.log(kept.sum() * graph.num_items) - math.log(edges.sum())
    task.on_train_epoch_start()
    assert task.common == pytest.approx(pairs / 0.7)
    assert task.inverse.tolist() == pytest.approx([task.common] * graph.num_users)

    task.user_loss.copy_(torch.rand(graph.num_users, generator=torch.Generator().manual_seed(0)) * 3)
    task.on_train_epoch_start()
    cosine = cosines(task, graph)
    user, item = graph.edge_user.numpy()[edges], graph.edge_item.numpy()[edges]
    unit = torch.nn.functional.normalize(task.recommender.encoder(graph).item, dim=1).detach().numpy()
    assert unit.shape == (graph.num_items, 8)
    gap = 0.7 if held else cosine[user, item].mean() - cosine[kept].mean()
    assert task.common == pytest.approx(pairs / gap, rel=1e-4)
    losses = task.user_loss.double().numpy()
    behind = np.maximum((losses - losses[count > 0].mean()) / 0.6, -math.exp(-1) + 1e-9)
    expected = task.common * np.exp(-lambertw(behind).real)
    assert task.inverse.tolist() == pytest.approx(expected.tolist(), rel=1e-4)
    assert expected[losses.argmax()] < expected[losses.argmin()]


def test_loss_uses_the_common_temperature_for_the_bought_and_the_users_for_the_others(graph):
    task = AdaptiveTemperatureTask(encoder, l2=0.0)
    task.bind(graph)
    task.on_train_epoch_start()
    task.common, task.inverse[:] = 3.0, torch.linspace(1, 2, graph.num_users)
    edges = torch.tensor([4, 0, 17])
    users, items = graph.edge_user[edges].tolist(), graph.edge_item[edges].tolist()
    scores, loss = cosines(task, graph), 0.0
    noted = np.zeros(graph.num_users)
    for row, user in enumerate(users):
        others = [scores[user, items[column]] for column in range(3) if column != row]
        inverse = task.inverse[user].item()
        loss += (math.log(sum(math.exp(inverse * s) for s in others)) - 3.0 * scores[user, items[row]]) / 3
        noted[user] += math.log(sum(map(math.exp, others))) - scores[user, items[row]]
    assert task.training_step(edges, 0).item() == pytest.approx(loss, rel=1e-4)
    assert task.summed.tolist() == pytest.approx(noted.tolist(), abs=1e-5)
