"""Steps that a GPU replays: when they are captured and, where there is a GPU, that this changes nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from training_data import data

from graphrec.data.module import RecommenderData
from graphrec.graph import BipartiteGraph
from graphrec.losses import BilateralSoftmax, bpr, catalogue_squares, sampled_softmax
from graphrec.models import MLP, NGCF, Cosine, CosineTrained, Dot, EmbeddingTable, LightGCN, SimGCL
from graphrec.training import DirectAUTask, RankingTask
from graphrec.training.graphed import LossGraph

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture
def captured(monkeypatch) -> list[tuple[torch.Tensor, ...]]:
    """What is captured; replays are plain calls, so that they can be counted without a GPU."""
    calls: list[tuple[torch.Tensor, ...]] = []

    def capture(module, places, allow_unused_input):
        calls.append(places)
        return module

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", capture)
    return calls


def test_the_second_call_of_the_first_shape_is_captured_and_no_other(captured):
    model = nn.Linear(3, 1)
    loss = LossGraph(lambda x: model(x).sum(), model)
    first, other = torch.ones(4, 3), torch.ones(2, 3)
    for x in (first, other, first, other, first):
        assert loss(x) == model(x).sum()
    assert [[place.shape for place in places] for places in captured] == [[(4, 3)]]
    assert captured[0][0] is not first  # replays write into it


def test_weights_that_moved_and_another_mode_are_not_replayed(captured):
    model = nn.Sequential(nn.Linear(3, 1), nn.Dropout(1.0))
    loss = LossGraph(lambda x: model(x).sum(), model)
    x = torch.ones(1, 3)
    loss(x)
    model.eval()
    loss(x)
    model.train()
    model[0].weight.data = model[0].weight.data.clone()
    loss(x)
    assert not captured


def fitted(graphed: bool, monkeypatch, **options) -> tuple[RankingTask, torch.Tensor]:
    """A task after three epochs on the GPU, and its weights."""
    if not graphed:
        monkeypatch.setattr(RankingTask, "_is_graphable", lambda self: False)
    torch.manual_seed(0)
    task = RankingTask(learning_rate=0.01, **options)
    runner = pl.Trainer(
        accelerator="gpu",
        devices=1,
        max_epochs=3,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module: RecommenderData = data()
    runner.fit(task, module)
    return task, task.recommender.encoder.weight.detach().cpu()


class OwnEncoder(LightGCN):
    """Another forward, of which nobody said that a GPU may replay it."""

    def forward(self, graph):
        return super().forward(graph)


class SaidAgain(OwnEncoder):
    static_step = True


class OwnTask(RankingTask):
    """Might change a number between two steps."""


class OwnDecoder(Dot):
    """Might look at its numbers."""


def own_loss(positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """Might look at its numbers."""
    return bpr(positive, negative)


def said_loss(positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """Does not."""
    return bpr(positive, negative)


said_loss.static_step = True


class OwnSoftmax(BilateralSoftmax):
    """Might look at its numbers."""


@pytest.mark.parametrize(
    ("task", "replayed"),
    [
        (RankingTask(LightGCN), True),
        (RankingTask(EmbeddingTable, MLP([4]), BilateralSoftmax(), sampling="batch"), True),
        (RankingTask(SaidAgain, loss=said_loss), True),
        (RankingTask(OwnEncoder), False),
        (RankingTask(SimGCL), False),
        (RankingTask(NGCF), False),
        (OwnTask(LightGCN), False),
        (DirectAUTask(LightGCN), False),
        (RankingTask(LightGCN, OwnDecoder()), False),
        (RankingTask(LightGCN, loss=own_loss), False),
        (RankingTask(LightGCN, loss=lambda positive, negative: bpr(positive, negative)), False),
        (RankingTask(LightGCN, loss=OwnSoftmax(), sampling="batch"), False),
        (RankingTask(LightGCN, loss=catalogue_squares, sampling="none"), False),
    ],
    ids=lambda value: str(value) if isinstance(value, bool) else "",
)
def test_a_gpu_replays_a_step_only_if_every_part_of_it_promises_that_it_may(task, replayed, monkeypatch):
    module = data()
    task.bind(BipartiteGraph(module.split.train))
    monkeypatch.setattr(type(task), "device", torch.device("cuda"))
    monkeypatch.setattr(type(task), "trainer", SimpleNamespace(world_size=1))
    assert task._is_graphable() == replayed


@on_gpu
@pytest.mark.parametrize(
    "options",
    [
        {"encoder": LightGCN, "negatives": 2},
        {"encoder": lambda graph: LightGCN(graph, storage="bfloat16")},
        {"encoder": EmbeddingTable, "loss": bpr, "l2": 0.0},
        {"encoder": LightGCN, "loss": sampled_softmax, "sampling": "shared", "negatives": 30, "log_q": True},
        {"encoder": LightGCN, "decoder": Cosine(0.2), "loss": sampled_softmax, "sampling": "batch"},
        {"encoder": LightGCN, "decoder": CosineTrained(), "loss": BilateralSoftmax(0.9), "sampling": "batch"},
        {"encoder": EmbeddingTable, "decoder": MLP([8]), "negatives": 2},
    ],
    ids=["pair", "bfloat16", "table", "shared", "batch", "bilateral", "perceptron"],
)
def test_replayed_steps_learn_what_plain_ones_do(options, monkeypatch):
    task, replayed = fitted(True, monkeypatch, **options)
    assert task._graphed is not None
    assert task._graphed._replay is not None
    _, plain = fitted(False, monkeypatch, **options)
    start = options["encoder"](task.recommender.graph.cpu()).weight
    assert (plain - start).norm() > 0.1 * plain.norm()
    # sums on a GPU have no fixed order, and Adam takes steps as long for small gradients as for large ones
    assert (replayed - plain).norm() < 0.01 * plain.norm()


@on_gpu
def test_a_second_fit_captures_anew(monkeypatch):
    """Between two fits Lightning takes the weights to the CPU and back, so they lie elsewhere."""
    task, first = fitted(True, monkeypatch)
    runner = pl.Trainer(accelerator="gpu", devices=1, max_epochs=2, logger=False, enable_checkpointing=False)
    runner.fit(task, data())
    assert not torch.equal(task.recommender.encoder.weight.detach().cpu(), first)


@on_gpu
def test_a_fit_on_the_gpu_ranks_as_one_on_the_cpu(monkeypatch):
    found = {}
    for accelerator in ("cpu", "gpu"):
        torch.manual_seed(0)
        module = data(batch_size=64)
        runner = pl.Trainer(
            accelerator=accelerator, devices=1, max_epochs=15, logger=False, enable_checkpointing=False
        )
        task = RankingTask(LightGCN, learning_rate=0.01)
        runner.fit(task, module)
        found[accelerator] = runner.test(task, module, verbose=False)[0]["test_recall_20"]
    assert found["gpu"] == pytest.approx(found["cpu"], abs=0.06)
