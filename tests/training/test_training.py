from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from training_data import data

from graphrec.data.features.build import FeatureOptions
from graphrec.data.features.stored import load_features
from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Given, Temporal
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.losses import bce, bpr, catalogue_squares, mse, sampled_softmax
from graphrec.models import (
    MLP,
    Cosine,
    EmbeddingTable,
    FeatureTowers,
    ItemCF,
    LightGCN,
    Popularity,
    RawFeatures,
    TopFrequency,
)
from graphrec.sampling import pair_negatives, step_generator
from graphrec.training import ClosedFormTask, RankedTask, RankingTask, batch


def trainer(tmp_path, epochs: int = 1, **options) -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        **options,
    )


def fit(task: RankedTask, module: RecommenderData, tmp_path, epochs: int = 1) -> pl.Trainer:
    torch.manual_seed(0)
    runner = trainer(tmp_path, epochs, num_sanity_val_steps=0, limit_val_batches=0)
    runner.fit(task, module)
    return runner


def small(model):
    """As a YAML with init_args gives it: a callable of the graph."""
    return lambda graph: model(graph, dim=16)


@pytest.fixture(scope="module")
def popularity(tmp_path_factory) -> float:
    runner = trainer(tmp_path_factory.mktemp("popularity"))
    task = ClosedFormTask(Popularity())
    runner.fit(task, data())
    return runner.test(task, data(), verbose=False)[0]["test_ndcg_20"]


TASKS = {
    "lightgcn": lambda: RankingTask(small(LightGCN), learning_rate=0.03),
    "matrix factorisation": lambda: RankingTask(
        small(EmbeddingTable), loss=bce, learning_rate=0.03, negatives=4
    ),
    "softmax": lambda: RankingTask(
        small(LightGCN), Cosine(), sampled_softmax, learning_rate=0.03, negatives=32, sampling="shared"
    ),
    "whole catalogue": lambda: RankingTask(
        small(LightGCN), loss=catalogue_squares, learning_rate=0.03, l2=0.0, sampling="none"
    ),
    "mlp on ids": lambda: RankingTask(small(EmbeddingTable), MLP([16]), bce, 0.02, l2=0.0, negatives=4),
    "mlp on features": lambda: RankingTask(FeatureTowers, MLP([16]), bce, 0.005, l2=0.0, negatives=4),
    "towers": lambda: RankingTask(FeatureTowers, learning_rate=0.005, l2=0.0),
    "item neighbours": lambda: ClosedFormTask(ItemCF()),
}


@pytest.mark.parametrize("name", TASKS)
def test_models_learn_the_blocks_that_popularity_cannot_see(name, popularity, tmp_path):
    module = data(features=FeatureOptions() if name in ("mlp on features", "towers") else None)
    task = TASKS[name]()
    runner = fit(task, module, tmp_path, epochs=25 if isinstance(task, RankingTask) else 1)
    # popularity reaches 0.13, the models 0.35 to 0.48
    assert runner.test(task, module, verbose=False)[0]["test_ndcg_20"] > 2 * popularity


def ndcg_by_hand(task: RankedTask, part, k: int = 20) -> float:
    """New items ranked by raw score in a loop over users."""
    graph = task.recommender.graph
    seen = {*zip(graph.edge_user.tolist(), graph.edge_item.tolist(), strict=True)}
    bought = {*map(tuple, part.pairs().tolist())} - seen
    values = []
    for user in sorted({user for user, _ in bought}):
        scores = task.eval()(torch.tensor([user]))[0].tolist()
        new = [item for item in range(graph.num_items) if (user, item) not in seen]
        top = sorted(new, key=lambda item: -scores[item])[:k]
        gain = sum(1 / math.log2(rank + 2) for rank, item in enumerate(top) if (user, item) in bought)
        count = sum(u == user for u, _ in bought)
        values.append(gain / sum(1 / math.log2(rank + 2) for rank in range(min(k, count))))
    return float(np.mean(values))


def test_logged_measures_are_those_computed_by_hand(tmp_path):
    module = data()
    task = RankingTask(small(LightGCN), learning_rate=0.03)
    fit(task, module, tmp_path, epochs=3)
    validated = trainer(tmp_path).validate(task, module, verbose=False)[0]
    assert validated["val_ndcg_20"] == pytest.approx(ndcg_by_hand(task, module.split.val), abs=1e-5)
    tested = trainer(tmp_path).test(task, module, verbose=False)[0]
    assert tested["test_ndcg_20"] == pytest.approx(ndcg_by_hand(task, module.split.test), abs=1e-5)
    assert validated["val_ndcg_20"] == validated["val_ndcg_20_new"]


def test_test_writes_metrics_with_intervals_and_a_row_per_user(tmp_path):
    module = data(item_sets=["new", "repeat", "all"], cutoffs=[5, 20])
    task = ClosedFormTask(TopFrequency())
    fit(task, module, tmp_path)
    trainer(tmp_path).test(task, module, verbose=False)
    metrics = json.loads((tmp_path / "test_metrics.json").read_text())
    assert metrics["split_sha256"] == module.split.sha256()
    rows = pd.read_parquet(tmp_path / "test_users.parquet")
    assert sorted(rows["items"].unique()) == ["all", "new", "repeat"]
    assert not rows.duplicated(["user_id", "items"]).any()
    assert set(rows["user_id"]) == set(module.split.test.frame["user_id"])
    bought = module.split.train.frame["user_id"].value_counts()
    assert rows["train_interactions"].tolist() == bought.loc[rows["user_id"]].tolist()
    for items, group in rows.groupby("items"):
        assert metrics[f"test_users_{items}"] == len(group)
        for name in ("precision", "recall", "ndcg", "hit_ratio", "mrr", "map", "novelty", "coverage"):
            for k in (5, 20):
                value = metrics[f"test_{name}_{k}_{items}"]
                assert (
                    metrics[f"test_{name}_{k}_{items}_low"]
                    <= value
                    <= metrics[f"test_{name}_{k}_{items}_high"]
                )
                if name != "coverage":
                    assert value == pytest.approx(group[f"{name}_{k}"].mean(), abs=1e-6)
    assert metrics["test_recall_20"] == metrics["test_recall_20_new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test_metrics.json", "test_users.parquet"]


def test_item_set_without_users_has_no_measures(tmp_path):
    """In a random split every pair is in one part, so nobody buys anything again."""
    source = synthetic(100, 60, density=0.12, seed=2)
    log = source.log.drop_duplicates(["user_id", "item_id"])
    log = log.assign(part=np.where(log["week"] <= 12, "train", "test"))
    split = Given(drop_cold_items=True, drop_cold_users=True)
    module = RecommenderData(dataclasses.replace(source, log=log), split, item_sets=["new", "repeat"])
    task = ClosedFormTask(Popularity())
    runner = trainer(tmp_path)
    runner.fit(task, module)
    runner.test(task, module, verbose=False)
    text = (tmp_path / "test_metrics.json").read_text()
    assert "NaN" not in text
    metrics = json.loads(text)
    assert metrics["test_users_repeat"] == 0
    assert "test_recall_20_repeat" not in metrics
    assert metrics["test_recall_20_new"] > 0


def test_closed_form_counts_steps_so_that_a_checkpoint_is_written(tmp_path):
    module = data()
    runner = trainer(tmp_path)
    runner.fit(ClosedFormTask(Popularity()), module)
    assert runner.global_step == len(module.train_dataloader())
    assert "val_ndcg_20" in runner.callback_metrics
    runner.save_checkpoint(tmp_path / "last.ckpt")
    result = trainer(tmp_path).test(
        ClosedFormTask(Popularity()), module, ckpt_path=tmp_path / "last.ckpt", verbose=False
    )
    assert result[0]["test_recall_20"] > 0


def test_checkpoint_of_a_fit_gives_the_same_test(tmp_path):
    module = data(features=FeatureOptions(pca=8))
    task = RankingTask(FeatureTowers, MLP([8]), bce, l2=0.0)
    runner = fit(task, module, tmp_path, epochs=2)
    expected = runner.test(task, module, verbose=False)[0]
    runner.save_checkpoint(tmp_path / "last.ckpt")
    fresh = RankingTask(FeatureTowers, MLP([8]), bce, l2=0.0)
    path = tmp_path / "last.ckpt"
    assert trainer(tmp_path).test(fresh, module, ckpt_path=path, verbose=False)[0] == expected
    kept = torch.load(path, weights_only=True)["RecommenderData"]["features"]
    items = module.source.items
    known = load_features(kept.numpy().tobytes()).encode_items(items)
    assert np.array_equal(known, module.features.fitted.encode_items(items))


class Recorder(pl.Callback):
    def __init__(self) -> None:
        self.epochs: dict[int, list[int]] = {}

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.epochs.setdefault(trainer.current_epoch, []).extend(batch.tolist())


def test_every_epoch_sees_every_edge_in_another_order(tmp_path):
    module, recorder = data(), Recorder()
    trainer(tmp_path, epochs=3, callbacks=[recorder]).fit(RankingTask(small(LightGCN)), module)
    edges = list(range(len(module.split.train.pairs())))
    assert [sorted(epoch) for epoch in recorder.epochs.values()] == [edges] * 3
    assert len({tuple(epoch) for epoch in recorder.epochs.values()}) == 3


def test_seed_decides_the_fit(tmp_path):
    def weights(seed: int) -> torch.Tensor:
        pl.seed_everything(seed, verbose=False)
        task = RankingTask(small(LightGCN))
        trainer(tmp_path).fit(task, data())
        return task.recommender.encoder.weight.detach()

    first = weights(1)
    assert torch.equal(weights(1), first)
    assert not torch.allclose(weights(2), first, atol=1e-3)


def test_resumed_fit_ends_where_the_unbroken_one_does(tmp_path):
    def fitted(epochs: int, seed: int = 0, ckpt_path=None) -> tuple[pl.Trainer, torch.Tensor]:
        torch.manual_seed(seed)
        task, runner = RankingTask(small(LightGCN), learning_rate=0.01), trainer(tmp_path, epochs)
        runner.fit(task, data(), ckpt_path=ckpt_path)
        return runner, task.recommender.encoder.weight.detach()

    _, unbroken = fitted(4)
    half, early = fitted(2)
    half.save_checkpoint(tmp_path / "half.ckpt")
    _, resumed = fitted(4, seed=7, ckpt_path=tmp_path / "half.ckpt")
    assert not torch.allclose(early, unbroken, atol=1e-3)
    torch.testing.assert_close(resumed, unbroken, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("encoder", [EmbeddingTable, LightGCN])
def test_loss_of_a_step_is_the_formula_with_half_the_squared_ego_vectors(encoder, monkeypatch):
    monkeypatch.setattr(RankingTask, "global_step", 5)
    monkeypatch.setenv("PL_GLOBAL_SEED", "3")
    module = data()
    graph = BipartiteGraph(module.split.train)
    task = RankingTask(small(encoder), loss=bpr, l2=0.5, negatives=3)
    task.bind(graph)
    edges = torch.tensor([4, 0, 17])
    users, items = graph.edge_user[edges], graph.edge_item[edges]
    negatives = pair_negatives(graph, users, 3, step_generator(3, 5, edges.device))
    user, item = task.recommender.encoder(graph)
    ego = task.recommender.encoder.weight
    loss, penalty = 0.0, 0.0
    for row in range(3):
        u, i = users[row], items[row]
        penalty += (ego[u].square().sum() + ego[graph.num_users + i].square().sum()) / 2
        for n in negatives[row]:
            loss += torch.log1p(torch.exp(user[u] @ item[n] - user[u] @ item[i])) / 9
            penalty += ego[graph.num_users + n].square().sum() / 2
    expected, step = loss + 0.5 * penalty / 3, task.training_step(edges, 0)
    torch.testing.assert_close(step, expected)
    torch.testing.assert_close(*(torch.autograd.grad(total, ego)[0] for total in (step, expected)))


def test_a_loss_may_change_the_scores_it_is_given(monkeypatch):
    monkeypatch.setattr(RankingTask, "global_step", 5)

    def in_place(positive, negative):
        return bpr(positive.mul_(2), negative.mul_(2))

    def beside(positive, negative):
        return bpr(2 * positive, 2 * negative)

    gradients = []
    for loss in (in_place, beside):
        torch.manual_seed(0)
        task = RankingTask(small(LightGCN), loss=loss, negatives=3)
        task.bind(BipartiteGraph(data().split.train))
        task.training_step(torch.tensor([4, 0, 17]), 0).backward()
        gradients.append(task.recommender.encoder.weight.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    "options", [{"negatives": 3}, {"sampling": "shared", "negatives": 5}, {"sampling": "batch"}]
)
@pytest.mark.parametrize("encoder", [EmbeddingTable, LightGCN])
def test_a_batch_that_is_embedded_code_by_code_gives_the_same(encoder, options, monkeypatch):
    """As a GPU does it, which is not asked how many distinct nodes there are."""
    monkeypatch.setattr(RankingTask, "global_step", 5)
    task = RankingTask(small(encoder), l2=0.5, loss=sampled_softmax, **options)
    task.bind(BipartiteGraph(data().split.train))
    losses, gradients = [], []
    for distinct in (batch._distinct, lambda codes: (codes, None)):
        monkeypatch.setattr(batch, "_distinct", distinct)
        loss = task.training_step(torch.arange(200), 0)
        losses.append(loss)
        gradients += torch.autograd.grad(loss, task.recommender.encoder.weight)
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("codes", [[], [3], [5, 0, 5, 2, 0, 9]])
def test_distinct_codes_and_places_are_those_of_torch(codes):
    codes = torch.tensor(codes, dtype=torch.int64)
    for ours, expected in zip(batch._distinct(codes), torch.unique(codes, return_inverse=True), strict=True):
        assert torch.equal(ours, expected)


def test_the_loss_of_an_epoch_is_the_mean_over_its_edges(tmp_path):
    task, module = RankingTask(small(EmbeddingTable), learning_rate=1e-30, l2=0.0, loss=bpr), data()
    assert len(module.split.train.pairs()) % 128
    runner = fit(task, module, tmp_path)
    graph = task.recommender.graph
    scores = task.recommender.eval().score(torch.arange(graph.num_users))
    bought, other = (
        scores[graph.edge_user, graph.edge_item],
        scores.masked_fill(graph.seen_mask(torch.arange(graph.num_users)), torch.nan),
    )
    expected = torch.nn.functional.softplus(other[graph.edge_user] - bought[:, None]).nanmean()
    assert runner.callback_metrics["train_loss"] == pytest.approx(float(expected), abs=0.002)


def test_a_fit_that_was_broken_off_has_no_say_in_the_loss_of_the_next_one(tmp_path):
    class BreakOff(pl.Callback):
        def on_train_batch_end(self, trainer, task, *_):
            raise InterruptedError

    module = data()
    plain, again = (RankingTask(small(EmbeddingTable), learning_rate=1e-30, l2=0.0) for _ in range(2))
    for task in (plain, again):
        torch.manual_seed(0)
        task.bind(BipartiteGraph(module.split.train))
    with torch.no_grad():
        again.recommender.encoder.weight.mul_(100)  # losses that would be seen
    with pytest.raises(InterruptedError):
        trainer(tmp_path, callbacks=[BreakOff()], limit_val_batches=0).fit(again, module)
    again.load_state_dict(plain.state_dict())
    losses = [fit(task, module, tmp_path).callback_metrics["train_loss"] for task in (plain, again)]
    assert losses[0] == losses[1]


def test_the_documents_network_has_41_weights_and_they_learn(tmp_path):
    """Linear(2, 10), ReLU, Linear(10, 1) on a purchase frequency and a mean rating: 20 + 10 + 10 + 1."""
    source = synthetic(100, 60, density=0.12, seed=2)
    rating = np.random.default_rng(0).integers(1, 6, len(source.log)).astype(float)
    source = dataclasses.replace(source, log=source.log.assign(rating=rating))
    options = FeatureOptions(["document"], ["document"], pca=None)
    module = RecommenderData(source, Temporal(train_end=12, val_end=15), options, batch_size=128)
    task = RankingTask(RawFeatures, MLP([10]), mse, 0.01, l2=0.0)
    fit(task, module, tmp_path)
    sizes = {tuple(weight.shape) for weight in task.parameters()}
    assert sizes == {(10, 1), (10,), (1, 10), (1,)}
    assert sum(weight.numel() for weight in task.parameters()) == 41
    before = [weight.detach().clone() for weight in task.parameters()]
    fit(task, module, tmp_path)
    assert all(not torch.equal(old, new) for old, new in zip(before, task.parameters(), strict=True))


def test_predict_ranks_new_items_for_every_user(tmp_path):
    module = data(eval_batch_size=40)
    task = ClosedFormTask(ItemCF())
    fit(task, module, tmp_path)
    rankings = trainer(tmp_path).predict(task, module)
    assert torch.cat([ranking.users for ranking in rankings]).tolist() == list(range(100))
    items = torch.cat([ranking.items for ranking in rankings])
    assert items.shape == (100, 20)
    seen = task.recommender.graph.seen_mask(torch.arange(100))
    assert not seen.gather(1, items).any()


def test_the_whole_catalogue_needs_inner_products():
    with pytest.raises(InputError, match="needs the decoder Dot"):
        RankingTask(small(LightGCN), MLP([4]), catalogue_squares, sampling="none")


@pytest.mark.parametrize("encoder", [EmbeddingTable, LightGCN])
def test_a_model_is_made_beside_its_graph_whatever_the_default_device(encoder):
    """Lightning calls `configure_model` with the GPU as default, while the graph is still on the CPU."""
    task = RankingTask(small(encoder), MLP([4]))
    closed = ClosedFormTask(Popularity())
    graph = BipartiteGraph(data().split.train)
    with torch.device("meta"):
        task.bind(graph)
        closed.bind(graph)
    for made in (task, closed):
        tensors = [*made.parameters(), *made.buffers()]
        assert {tensor.device.type for tensor in tensors} == {"cpu"}
