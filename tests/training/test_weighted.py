"""An edge counts in the loss as its weight, whatever the loss and wherever negatives come from."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from weighted_graphs import interactions, rated, ratings, weighted

from graphrec import losses
from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal
from graphrec.data.weights.edges import EdgeWeights
from graphrec.data.weights.rows import Recency
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.kernels.shards import Shard
from graphrec.models import Dot, EmbeddingTable, GATv2, LightGCN
from graphrec.training import DirectAUTask, RankingTask, UltraGCNTask, ranking
from graphrec.training.steps import weighted_loss

TABLE = partial(EmbeddingTable, dim=3, start="normal")
WAYS = [
    (losses.bpr, "pair"),
    (losses.bce, "pair"),
    (losses.mse, "shared"),
    (losses.sampled_softmax, "shared"),
    (losses.BilateralSoftmax(0.8), "shared"),
    (losses.BilateralSoftmax(), "batch"),
    (losses.CosineContrastive(0.1, 3.0), "shared"),
    (losses.catalogue_squares, "none"),
]
ways = pytest.mark.parametrize(
    ("loss", "sampling"),
    WAYS,
    ids=lambda one: getattr(one, "__name__", one if isinstance(one, str) else type(one).__name__),
)


def task(graph: BipartiteGraph, **options) -> RankingTask:
    torch.manual_seed(0)
    made = RankingTask(options.pop("encoder", TABLE), options.pop("decoder", Dot()), l2=0.0, **options)
    made.bind(graph)
    return made


def loss_of(made: RankingTask, edges: torch.Tensor) -> float:
    with torch.no_grad():
        return float(made._losses(made._batch(edges))[0])


@ways
def test_the_loss_of_a_batch_is_the_weighted_mean_of_those_of_its_edges(loss, sampling):
    """Each edge in a batch of its own, with the same negatives; what is summed over all pairs counts once."""
    train = interactions()
    weight = ratings(train)
    plain, made = (
        task(weighted(1.0, train), loss=loss, sampling=sampling),
        task(weighted(weight, train), loss=loss, sampling=sampling),
    )
    edges = torch.tensor([4, 9, 2, 30, 17])
    relative = torch.from_numpy(weight / weight.mean())[edges]
    batch = plain._batch(edges)
    vectors = plain.recommender.embeddings()
    users, items = vectors.user[batch.users], vectors.item[batch.items]
    positive, common = (users * items).sum(1), 0.0
    if sampling == "none":
        common = plain.unobserved * (vectors.user @ vectors.item.T).square().sum() / len(weight)
        each = (1 - positive).square()
    else:
        of_edge = (
            vectors.item[batch.negatives].expand(len(edges), -1, -1)
            if batch.is_shared
            else vectors.item[batch.negatives]
        )
        negative = torch.einsum("bd,bkd->bk", users, of_edge)
        if sampling == "batch":
            negative[torch.arange(5), batch.own] = -torch.inf
        each = torch.stack([loss(positive[[one]], negative[[one]]) for one in range(5)])
    expected, alike = ((mean + common).item() for mean in ((relative * each).mean(), each.mean()))
    assert loss_of(made, edges) == pytest.approx(expected, rel=1e-4)
    assert loss_of(plain, edges) == pytest.approx(alike, rel=1e-4)
    assert abs(expected - alike) > 1e-3


@ways
def test_weights_that_are_all_alike_change_no_bit_of_a_step(loss, sampling):
    edges = torch.arange(12)
    graphs = BipartiteGraph(interactions()), weighted(1.0), weighted(7.0)
    first, *others = (loss_of(task(graph, loss=loss, sampling=sampling), edges) for graph in graphs)
    assert others == [first, first]


@ways
def test_two_processes_share_a_weighted_batch_as_one_computes_it(loss, sampling, monkeypatch):
    """The mean of their losses is that of the batch, also where its edges cannot be shared out evenly."""
    made = task(rated(), loss=loss, sampling=sampling)
    edges = torch.tensor([4, 9, 2, 30, 17])
    whole, apart = loss_of(made, edges), []
    for rank in range(2):
        monkeypatch.setattr(ranking, "training_shard", lambda trainer, rank=rank: Shard(rank, 2))
        apart.append(loss_of(made, edges))
    assert apart[0] != pytest.approx(apart[1], rel=1e-3)
    assert sum(apart) / 2 == pytest.approx(whole, rel=1e-5)


def test_a_matrix_that_is_shared_out_holds_the_weights():
    train = interactions()
    weighed = replace(train, edge_weight=ratings(train))
    whole = BipartiteGraph(weighed).adjacency.tensor().to_dense()
    shared = [BipartiteGraph(weighed, shard=Shard(rank, 2)).sharded for rank in range(2)]
    assert torch.equal(torch.cat([one.csr().tensor().to_dense() for one in shared], dim=1), whole)


def test_the_gradient_of_an_edge_is_its_weight_times_what_it_was():
    positive = torch.tensor([0.3, -1.0], requires_grad=True)
    negative, weight = torch.tensor([[0.1, 0.9], [0.4, -0.2]]), torch.tensor([0.5, 1.5])
    (both,) = torch.autograd.grad(weighted_loss(losses.bpr, positive, negative, weight), positive)
    (plain,) = torch.autograd.grad(losses.bpr(positive, negative), positive)
    torch.testing.assert_close(both, weight * plain)


def of_the_whole_batch(positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    return (positive.mean() - negative.mean()).square()


def test_a_loss_that_is_no_mean_over_edges_is_refused():
    with pytest.raises(
        InputError, match="of_the_whole_batch is no mean over edges, so none of them can be weighed"
    ):
        task(rated(), loss=of_the_whole_batch, sampling="pair")
    task(BipartiteGraph(interactions()), loss=of_the_whole_batch, sampling="pair")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RankingTask(partial(GATv2, dim=4)), "column 'encoder': GATv2 reads no weights of edges; "),
        (lambda: DirectAUTask(TABLE), "column 'model': DirectAUTask reads no weights of edges"),
        (lambda: UltraGCNTask(TABLE), "column 'model': UltraGCNTask reads no weights of edges"),
    ],
    ids=["attention", "DirectAU", "UltraGCN"],
)
def test_what_reads_none_is_refused(make, said):
    with pytest.raises(InputError) as error:
        make().bind(rated())
    assert said in str(error.value)
    assert "LightGCN" in str(error.value)
    make().bind(BipartiteGraph(interactions()))


def data(**options) -> RecommenderData:
    return RecommenderData(synthetic(40, 30, seed=1), Temporal(train_end=12, val_end=15), **options)


def test_a_graph_of_the_data_has_its_weights():
    module = data(weights=EdgeWeights([Recency(2)]))
    graph = BipartiteGraph(module.split.train)
    frame = module.split.train.frame
    age = (frame["timestamp"].max() - frame["timestamp"]) / pd.Timedelta(weeks=1)
    expected = (0.5 ** (age / 2)).groupby([frame["user"], frame["item"]]).sum()
    np.testing.assert_allclose(graph.edge_weight, expected, rtol=1e-6)
    made = task(graph, encoder=partial(LightGCN, dim=4))
    assert made.fingerprints(module, [])["weights_sha256"] == module.split.train.weights_sha256()
    assert "weights_sha256" not in made.fingerprints(data(), [])
