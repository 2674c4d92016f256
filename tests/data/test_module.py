from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.features.build import FeatureOptions
from graphrec.data.interactions import RawData
from graphrec.data.module import EdgeBatches, RecommenderData, run_seed
from graphrec.data.sources import synthetic
from graphrec.data.splits import Given, LeaveLast, Random, Temporal
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph
from graphrec.kernels.shards import Shard, evaluation_shard, training_shard
from graphrec.models import FeatureTowers, ItemCF, LightGCN, Popularity, TopFrequency
from graphrec.training import ClosedFormTask

SPLIT = Temporal(train_end=12, val_end=15)


def data(source: RawData | None = None, **options) -> RecommenderData:
    return RecommenderData(source or synthetic(60, 40, seed=1), options.pop("split", SPLIT), **options)


def order(batches: EdgeBatches) -> list[int]:
    return torch.cat(list(batches)).tolist()


@pytest.mark.parametrize(("edges", "size"), [(100, 7), (100, 100), (100, 1000), (64, 8), (1, 4)])
def test_batches_hold_every_edge_once(edges, size):
    batches = EdgeBatches(edges, size, seed=0)
    parts = list(batches)
    assert len(parts) == len(batches)
    assert {len(part) for part in parts[:-1]} <= {size}
    assert sorted(order(batches)) == list(range(edges))


def test_order_depends_on_seed_and_epoch_alone():
    batches = EdgeBatches(50, 8, seed=3)
    first = order(batches)
    torch.manual_seed(5)
    assert order(batches) == first
    batches.set_epoch(4)
    later = order(batches)
    assert later != first
    resumed = EdgeBatches(50, 8, seed=3)
    resumed.set_epoch(4)
    assert order(resumed) == later
    assert order(EdgeBatches(50, 8, seed=4)) != first


def test_seed_of_the_run_is_that_of_seed_everything(monkeypatch):
    assert run_seed() == 0
    monkeypatch.setenv("PL_GLOBAL_SEED", "42")
    assert run_seed() == 42
    assert data().train_dataloader().sampler.seed == 42


def test_train_batches_are_edges_of_the_graph():
    module = data(batch_size=32)
    loader = module.train_dataloader()
    graph = BipartiteGraph(module.split.train)
    assert len(loader) == -(-graph.num_edges // 32)
    assert sorted(torch.cat(list(loader)).tolist()) == list(range(graph.num_edges))


def test_users_are_ranked_where_they_have_something_to_find():
    module = data(eval_batch_size=16)
    for loader, part in (
        (module.val_dataloader(), module.split.val),
        (module.test_dataloader(), module.split.test),
        (module.predict_dataloader(), module.split.train),
    ):
        batches = list(loader)
        assert max(map(len, batches)) <= 16
        assert torch.cat(batches).tolist() == sorted(set(part.frame["user"]))


class Several:
    """What the shards ask of a trainer: process 2 of 3, in which 2 work on the same rows."""

    global_rank, world_size, overfit_batches = 2, 3, 0.0
    distributed_sampler_kwargs: dict[str, int] | None = {"rank": 1, "num_replicas": 2}  # noqa: RUF012


@pytest.mark.parametrize(("rows", "size"), [(10, 1), (10, 3), (9, 3), (2, 3), (0, 2)])
def test_shards_hold_every_row_once(rows, size):
    parts = [Shard(rank, size).rows(torch.arange(rows)) for rank in range(size)]
    assert sorted(torch.cat(parts).tolist()) == list(range(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_users_are_shared_by_process_and_edges_as_the_strategy_says():
    assert training_shard(None) == evaluation_shard(None) == Shard()
    assert evaluation_shard(Several()) == Shard(2, 3)
    assert training_shard(Several()) == Shard(1, 2)
    one = Several()
    one.distributed_sampler_kwargs = None
    assert training_shard(one) == Shard()


def test_each_process_ranks_its_own_users_and_trains_on_the_same_batches():
    whole, module = data(eval_batch_size=4), data(eval_batch_size=4)
    module.trainer = Several()
    users = torch.cat(list(whole.test_dataloader()))
    assert torch.cat(list(module.test_dataloader())).tolist() == users[2::3].tolist()
    edges = [torch.cat(list(one.train_dataloader())).tolist() for one in (whole, module)]
    assert edges[0] == edges[1]


def test_a_process_without_users_gets_an_empty_batch():
    module = data()
    part = module.split.test
    two = np.unique(part.frame["user"])[:2]
    few = dataclasses.replace(part, frame=part.frame[part.frame["user"].isin(two)])
    module.split = dataclasses.replace(module.split, test=few)
    module.trainer = Several()
    assert [batch.tolist() for batch in module.test_dataloader()] == [[]]


def test_refit_leaves_no_validation_and_the_same_test():
    module, refit = data(), data(refit=True)
    assert refit.val_dataloader() == []
    assert len(refit.split.train) >= len(module.split.train) + len(module.split.val)
    assert len(refit.split.val) == 0
    assert len(refit.split.test) >= len(module.split.test)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"cutoffs": []}, "column 'cutoffs': the list is empty"),
        ({"cutoffs": [0, 20]}, "column 'cutoffs': 0 is too small"),
        ({"cutoffs": [-1, 20]}, "column 'cutoffs': -1 is too small"),
        ({"cutoffs": [20, 20]}, "column 'cutoffs': 20 is given twice"),
        ({"item_sets": []}, "column 'item_sets': the list is empty"),
        ({"item_sets": ["all", "all"]}, "column 'item_sets': all is given twice"),
        ({"batch_size": 0}, "column 'batch_size': 0 is too small"),
        ({"eval_batch_size": -1}, "column 'eval_batch_size': -1 is too small"),
        ({"seed": -1}, "column 'seed': -1 is too small"),
    ],
)
def test_arguments_out_of_range_are_named(wrong, says):
    with pytest.raises(InputError, match=says):
        data(**wrong)


@pytest.mark.parametrize(
    ("splitter", "wrong", "says"),
    [
        (LeaveLast, {"num_val": -1}, "num_val"),
        (LeaveLast, {"min_item_users": -1}, "min_item_users"),
        (Random, {"val_fraction": -0.1}, "val_fraction"),
        (Random, {"test_fraction": 1.5}, "test_fraction"),
        (Random, {"val_fraction": float("nan")}, "val_fraction"),
        (Random, {"val_fraction": 0.5, "test_fraction": 0.5}, "add up to 1"),
        (Given, {"val_fraction": 1.0}, "val_fraction"),
    ],
)
def test_arguments_of_splits_out_of_range_are_named(splitter, wrong, says):
    with pytest.raises(InputError, match=says):
        splitter(**wrong)


def test_an_empty_part_is_one_line_where_it_is_to_be_measured():
    module = data(split=Random(val_fraction=0.0, test_fraction=0.0))
    for part in ("validation", "test"):
        with pytest.raises(InputError, match=f"the {part} part of the split is empty"):
            module.check_part(part)
    with pytest.raises(InputError, match="the test part of the split is empty"):
        module.test_dataloader()
    with pytest.raises(InputError, match="the validation part was trained on"):
        data(refit=True).check_part("validation")


@pytest.mark.parametrize(
    ("items_of_week", "empty"),
    [(lambda week: range(4), "new"), (lambda week: [week], "repeat")],
    ids=["all bought again", "none bought again"],
)
def test_a_part_in_which_there_is_nothing_to_find_is_one_line(items_of_week, empty):
    rows = [(user, item, week) for user in "ab" for week in range(1, 5) for item in items_of_week(week)]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "week"])
    raw = RawData("shop", log)
    module = RecommenderData(raw, Temporal(2, 3, whole_catalogue=True), item_sets=["new", "repeat"])
    other = {"new": "repeat", "repeat": "new"}[empty]
    for part in ("validation", "test"):
        module.check_to_find(part, [other])
        module.check_to_find(part, ["new", "repeat"])
        with pytest.raises(InputError, match=f"no item of the {part} part is .*item_sets: .all."):
            module.check_to_find(part, [empty])
    task = ClosedFormTask(Popularity())
    task.check_monitor(f"val_ndcg_20_{other}", module)
    with pytest.raises(InputError, match="there is nothing to find"):
        task.check_monitor(f"val_ndcg_20_{empty}", module)


def changed_after(source: RawData, week: int) -> RawData:
    """The same shop, but everything about later weeks is another story, with strangers in it."""
    log = source.log.copy()
    later = (log["week"] > week).to_numpy()
    rng = np.random.default_rng(9)
    for column in ("item_id", "user_id", "quantity", "price", "regular_price", "shelf_price"):
        log.loc[later, column] = rng.permutation(log.loc[later, column].to_numpy())
    log.loc[later, ["quantity", "price"]] *= 7
    stranger = log[later].head(20).assign(user_id="stranger", item_id="novelty")
    log = pd.concat([log, stranger], ignore_index=True).sample(frac=1.0, random_state=0)
    return dataclasses.replace(source, log=log.sort_values("timestamp", kind="stable", ignore_index=True))


def test_later_weeks_change_no_feature_and_no_score():
    source = synthetic(60, 40, seed=1)
    options = FeatureOptions(pca=8)
    ours, theirs = data(source, features=options), data(changed_after(source, 12), features=options)
    assert ours.split.train.sha256() == theirs.split.train.sha256()
    assert ours.split.val.sha256() != theirs.split.val.sha256()
    assert ours.split.test.sha256() != theirs.split.test.sha256()
    assert ours.split.items.ids.tolist() == theirs.split.items.ids.tolist()
    np.testing.assert_array_equal(ours.features.user, theirs.features.user)
    np.testing.assert_array_equal(ours.features.item, theirs.features.item)
    graphs = [BipartiteGraph(module.split.train, module.features) for module in (ours, theirs)]
    users = torch.arange(graphs[0].num_users)
    for model in (Popularity(), Popularity(4.0), TopFrequency(), ItemCF(5)):
        scores = []
        for graph in graphs:
            model.fit(graph)
            scores.append(model.score(users))
        assert torch.equal(*scores)
    for encoder in (LightGCN, FeatureTowers):
        embeddings = []
        for graph in graphs:
            torch.manual_seed(0)
            embeddings.append(torch.cat(encoder(graph)(graph)))
        assert torch.equal(*embeddings)


def test_earlier_weeks_do_change_them():
    """The guard of the test above: it would notice a difference."""
    source = synthetic(60, 40, seed=1)
    ours, theirs = data(source), data(changed_after(source, 11))
    assert ours.split.train.sha256() != theirs.split.train.sha256()


def test_graph_knows_train_edges_alone():
    module = data()
    graph = BipartiteGraph(module.split.train)
    users, items = module.split.users.ids, module.split.items.ids
    edges = {(users[u], items[i]) for u, i in zip(graph.edge_user, graph.edge_item, strict=True)}
    log = module.source.log
    early = log[log["week"] <= 12]
    assert edges == {*zip(early["user_id"], early["item_id"], strict=True)}
    assert int(graph.history_week.max()) <= 12
