"""Noisy views and the tasks that train on them, against the formulae; and DirectAU."""

from __future__ import annotations

import itertools
import math

import pytest
import pytorch_lightning as pl
import torch
from torch.nn.functional import cosine_similarity, normalize

from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.losses import BilateralSoftmax
from graphrec.models import CosineTrained, EmbeddingTable, LightGCN, Popularity, SimGCL, XSimGCL
from graphrec.training import ClosedFormTask, ContrastiveTask, DirectAUTask, RankingTask


def data() -> RecommenderData:
    source = synthetic(100, 60, num_blocks=4, density=0.12, seed=2)
    return RecommenderData(source, Temporal(train_end=12, val_end=15), batch_size=128)


@pytest.fixture(scope="module")
def graph() -> BipartiteGraph:
    return BipartiteGraph(data().split.train)


def trainer(tmp_path, epochs: int = 1) -> pl.Trainer:
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        default_root_dir=tmp_path,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        **dict.fromkeys(quiet, False),
    )


def table(embeddings) -> torch.Tensor:
    return torch.cat([embeddings.user, embeddings.item])


@pytest.mark.parametrize("model", [SimGCL, XSimGCL])
def test_ranking_takes_the_mean_of_the_layers_without_the_table_and_without_noise(model, graph):
    encoder = model(graph, dim=4, num_layers=2)
    first = graph.propagate(encoder.weight)
    mean = (first + graph.propagate(first)) / 2
    for mode in (True, False):
        torch.testing.assert_close(table(encoder.train(mode)(graph)), mean)


def test_noise_of_a_layer_has_its_length_and_the_signs_of_the_vector(graph):
    encoder = SimGCL(graph, dim=6, num_layers=2, noise=0.3)
    layers = encoder.noisy_layers(graph)
    assert torch.equal(layers[0], encoder.weight)
    for before, after in itertools.pairwise(layers):
        clean = graph.propagate(before)
        noise = after - clean
        moved = clean.abs().sum(1) > 0
        torch.testing.assert_close(noise[moved].norm(dim=1), torch.full((int(moved.sum()),), 0.3))
        assert (noise * clean >= -1e-9).all()


def test_views_are_noisy_apart_and_agree_without_noise(graph):
    encoder = SimGCL(graph, dim=6)
    ranked, first, second = encoder.contrast(graph)
    torch.testing.assert_close(table(ranked), table(encoder(graph)))
    distances = [(table(a) - table(b)).norm(dim=1).mean() for a, b in ((ranked, first), (first, second))]
    assert all(0.01 < float(distance) < 0.3 for distance in distances)
    for views in (SimGCL(graph, dim=6, noise=0.0), XSimGCL(graph, dim=6, noise=0.0, contrast_layer=2)):
        ranked, first, second = views.contrast(graph)
        torch.testing.assert_close(table(ranked), table(first))
    layer = graph.propagate(graph.propagate(views.weight))
    torch.testing.assert_close(table(second), layer)


@pytest.mark.parametrize("model", [SimGCL, XSimGCL])
def test_views_and_their_gradients_are_those_of_noise_added_layer_by_layer(model, graph):
    """The authors' way: autograd through each noisy pass. The short cut of SimGCL must not be seen."""
    encoder = model(graph, dim=5, num_layers=3)

    def layerwise() -> tuple[torch.Tensor, torch.Tensor]:
        layers, layer = [], encoder.weight
        for _ in range(3):
            layer = graph.propagate(layer)
            noise = normalize(torch.rand_like(layer), dim=1)
            layer = layer + torch.sign(layer) * noise * encoder.noise
            layers.append(layer)
        return sum(layers) / 3, layers[0]

    torch.manual_seed(5)
    _, *views = encoder.contrast(graph)
    torch.manual_seed(5)
    expected = layerwise() if model is XSimGCL else (layerwise()[0], layerwise()[0])
    weights = torch.randn(2, graph.num_nodes, 5)
    for ours, theirs in zip(views, expected, strict=True):
        torch.testing.assert_close(table(ours), theirs)
    totals = [(weights * torch.stack([table(view) for view in views])).sum()]
    totals.append((weights * torch.stack(expected)).sum())
    ours, theirs = (torch.autograd.grad(total, encoder.weight)[0] for total in totals)
    torch.testing.assert_close(ours, theirs)


def test_loss_of_a_step_is_the_ranking_loss_and_the_contrast(graph):
    """Without noise the views are known: the mean of the layers, and the first layer."""
    task = ContrastiveTask(
        lambda graph: XSimGCL(graph, dim=5, noise=0.0),
        CosineTrained(0.3),
        BilateralSoftmax(),
        sampling="batch",
        l2=0.0,
        contrast=0.7,
        temperature=0.2,
    )
    task.bind(graph)
    edges = torch.tensor([4, 0, 1, 30, 77])  # 0 and 1 are of one user, who counts once
    users, items = graph.edge_user[edges], graph.edge_item[edges]
    assert len(set(users.tolist())) < 5
    encoder = task.recommender.encoder
    mean, layer = table(encoder(graph)).detach(), graph.propagate(encoder.weight).detach()
    scores = cosine_similarity(mean[users][:, None], mean[items + graph.num_users][None], dim=2) / 0.3
    loss = 0.0
    for row in range(5):
        others = [scores[row, column].exp().item() for column in range(5) if column != row]
        loss += (math.log(sum(others)) - scores[row, row].item()) / 5
    for nodes in (sorted(set(users.tolist())), sorted({item + graph.num_users for item in items.tolist()})):
        cosines = cosine_similarity(mean[nodes][:, None], layer[nodes][None], dim=2) / 0.2
        loss -= 0.7 * cosines.log_softmax(dim=1).diagonal().mean().item()
    assert task.training_step(edges, 0).item() == pytest.approx(loss, rel=1e-4)


def test_loss_of_direct_au_is_the_formula_on_the_edges_of_the_batch(graph):
    task = DirectAUTask(lambda graph: LightGCN(graph, dim=5, num_layers=1), gamma=2.0, l2=0.1)
    task.bind(graph)
    edges = torch.tensor([4, 0, 1, 30])
    user, item = task.recommender.encoder(graph)
    user, item = normalize(user[graph.edge_user[edges]]), normalize(item[graph.edge_item[edges]])
    loss = (user - item).norm(dim=1).square().mean()
    for side in (user, item):
        loss = loss + torch.pdist(side).square().mul(-2).exp().mean().log()  # γ / 2 = 1
    nodes = torch.cat([graph.edge_user[edges], graph.edge_item[edges] + graph.num_users])
    penalty = task.recommender.encoder.weight[nodes].square().sum() / 8
    assert task.training_step(edges, 0).item() == pytest.approx(float(loss + 0.1 * penalty), rel=1e-4)


TASKS = {
    "simgcl": lambda: ContrastiveTask(lambda graph: SimGCL(graph, dim=16, init_std=0.3), learning_rate=0.03),
    "xsimgcl": lambda: ContrastiveTask(lambda graph: XSimGCL(graph, dim=16), learning_rate=0.03),
    "directau": lambda: DirectAUTask(lambda graph: EmbeddingTable(graph, dim=16), learning_rate=0.03),
    "directau_lightgcn": lambda: DirectAUTask(lambda graph: LightGCN(graph, dim=16), learning_rate=0.03),
    "log_q": lambda: RankingTask(
        lambda graph: LightGCN(graph, dim=16),
        CosineTrained(0.2),
        BilateralSoftmax(),
        learning_rate=0.03,
        sampling="batch",
        log_q=True,
    ),
}


@pytest.fixture(scope="module")
def popularity(tmp_path_factory) -> float:
    module, task, runner = (
        data(),
        ClosedFormTask(Popularity()),
        trainer(tmp_path_factory.mktemp("popularity")),
    )
    runner.fit(task, module)
    return runner.test(task, module, verbose=False)[0]["test_ndcg_20"]


@pytest.mark.parametrize("name", TASKS)
def test_blocks_are_learnt_that_popularity_cannot_see(name, popularity, tmp_path):
    torch.manual_seed(0)
    module, task, runner = data(), TASKS[name](), trainer(tmp_path, epochs=15)
    runner.fit(task, module)
    # popularity reaches 0.13, the tasks more than 0.35
    assert runner.test(task, module, verbose=False)[0]["test_ndcg_20"] > 2 * popularity


@pytest.mark.parametrize("name", TASKS)
def test_the_seed_decides_the_fit(name, tmp_path):
    def scores(seed: int) -> torch.Tensor:
        pl.seed_everything(seed, verbose=False)
        task = TASKS[name]()
        trainer(tmp_path).fit(task, data())
        return task.eval()(torch.arange(100))

    first = scores(1)
    assert torch.equal(scores(1), first)
    assert not torch.allclose(scores(2), first, atol=1e-3)


def test_a_resumed_fit_draws_the_noise_of_the_unbroken_one(tmp_path):
    def fitted(epochs: int, seed: int = 0, ckpt_path=None) -> tuple[pl.Trainer, torch.Tensor]:
        torch.manual_seed(seed)
        task, runner = ContrastiveTask(lambda graph: SimGCL(graph, dim=8)), trainer(tmp_path, epochs)
        runner.fit(task, data(), ckpt_path=ckpt_path)
        return runner, task.recommender.encoder.weight.detach()

    _, unbroken = fitted(4)
    half, _ = fitted(2)
    half.save_checkpoint(tmp_path / "half.ckpt")
    _, resumed = fitted(4, seed=7, ckpt_path=tmp_path / "half.ckpt")
    torch.testing.assert_close(resumed, unbroken, atol=1e-6, rtol=1e-5)


def test_an_encoder_without_views_is_named(graph):
    with pytest.raises(InputError, match="LightGCN gives no views to contrast; choose SimGCL"):
        ContrastiveTask(LightGCN).bind(graph)


def test_a_layer_that_is_not_there_is_named(graph):
    with pytest.raises(InputError, match="2 layers have no 3; give 0 to 2"):
        XSimGCL(graph, num_layers=2, contrast_layer=3)
