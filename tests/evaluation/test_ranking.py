from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric import metrics as pyg

from graphrec.data.interactions import IdMap, Interactions
from graphrec.evaluation.ranking import (
    RankingEvaluator,
    metric_names,
    truth_lists,
)
from graphrec.graph import BipartiteGraph
from graphrec.kernels.inner_products import inner_products
from graphrec.kernels.topk import tie_order, top_candidates, top_items

USERS, ITEMS = 30, 25
ALL_USERS = torch.arange(USERS)
SETS = ("all", "repeat", "new")


def interactions(rng: np.random.Generator, rows: int) -> Interactions:
    frame = pd.DataFrame({"user": rng.integers(USERS - 2, size=rows), "item": rng.integers(ITEMS, size=rows)})
    return Interactions(frame, IdMap(np.arange(USERS)), IdMap(np.arange(ITEMS)))


def case(seed: int, levels: int | None = None):
    """A graph, test pairs (some seen in train, two users without any) and scores, coarse ones for ties."""
    rng = np.random.default_rng(seed)
    graph = BipartiteGraph(interactions(rng, 150))
    pairs = interactions(rng, 120).pairs()
    scores = rng.normal(size=(USERS, ITEMS)) if levels is None else rng.integers(levels, size=(USERS, ITEMS))
    return graph, pairs, torch.tensor(scores, dtype=torch.float32)


def evaluate(graph, pairs, scores, cutoffs=(1, 3, 10), sets=SETS, batch=USERS):
    evaluator = RankingEvaluator(graph, truth_lists(pairs, graph), cutoffs, sets)
    for users in ALL_USERS.split(batch):
        evaluator.update(users, scores[users])
    return evaluator.compute()


def ranked_by_hand(graph, scores, user: int, items: str) -> list[int]:
    """Sort all candidates by falling score, then by their place in the fixed order."""
    seen = set(graph.edge_item[graph.edge_user == user].tolist())
    allowed = {"all": set(range(ITEMS)), "repeat": seen, "new": set(range(ITEMS)) - seen}[items]
    place = {item: rank for rank, item in enumerate(tie_order(ITEMS, torch.device("cpu")).tolist())}
    return sorted(allowed, key=lambda item: (-scores[user, item].item(), place[item]))


def by_hand(graph, pairs, scores, k: int, items: str) -> dict[int, dict[str, float]]:
    """Every measure of every user in plain loops."""
    result = {}
    for user in range(USERS):
        candidates = ranked_by_hand(graph, scores, user, items)
        relevant = {item for u, item in pairs.tolist() if u == user} & set(candidates)
        if not relevant:
            continue
        top = candidates[:k]
        hits = [item in relevant for item in top]
        gains = [hit / math.log2(rank + 2) for rank, hit in enumerate(hits)]
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(k, len(relevant))))
        precisions = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
        degree = [max(int((graph.edge_item == item).sum()), 1) for item in top]
        result[user] = {
            "precision": sum(hits) / k,
            "recall": sum(hits) / len(relevant),
            "ndcg": sum(gains) / ideal,
            "hit_ratio": float(any(hits)),
            "mrr": 1 / (hits.index(True) + 1) if any(hits) else 0.0,
            "map": sum(precisions) / min(k, len(relevant)),
            "novelty": sum(-math.log2(d / USERS) for d in degree) / len(top),
        }
    return result


@pytest.mark.parametrize("items", SETS)
@pytest.mark.parametrize("levels", [None, 4, 1], ids=["no ties", "many ties", "all tied"])
@pytest.mark.parametrize("k", [1, 5, ITEMS])
def test_measures_are_those_of_plain_loops(items, levels, k):
    graph, pairs, scores = case(k, levels)
    metrics = evaluate(graph, pairs, scores, cutoffs=(k,), sets=(items,))[items]
    expected = by_hand(graph, pairs, scores, k, items)
    assert metrics.users.tolist() == list(expected)
    for row, user in enumerate(expected):
        for name, value in expected[user].items():
            assert metrics.values[f"{name}_{k}"][row].item() == pytest.approx(value, abs=1e-5), name
        assert [i for i in metrics.items[row].tolist() if i >= 0] == ranked_by_hand(
            graph, scores, user, items
        )[:k]


TWINS = {
    "precision": pyg.LinkPredPrecision,
    "recall": pyg.LinkPredRecall,
    "ndcg": pyg.LinkPredNDCG,
    "mrr": pyg.LinkPredMRR,
    "map": pyg.LinkPredMAP,
    "hit_ratio": pyg.LinkPredHitRatio,
}


@pytest.mark.parametrize("items", SETS)
@pytest.mark.parametrize("name", TWINS)
def test_means_are_those_of_torch_geometric(items, name):
    graph, pairs, scores = case(7)
    users, truth = torch.from_numpy(pairs).T
    seen = graph.seen_mask(ALL_USERS)
    kept = {
        "all": torch.ones_like(truth, dtype=torch.bool),
        "repeat": seen[users, truth],
        "new": ~seen[users, truth],
    }
    wanted = torch.stack([users, truth])[:, kept[items]]
    who, rows = wanted[0].unique(return_inverse=True)
    masked = scores.masked_fill({"all": seen & False, "repeat": ~seen, "new": seen}[items], -torch.inf)
    top = masked[who].topk(10)
    # the twin has no empty places: what may not be ranked becomes an item that nobody buys
    listed = top.indices.masked_fill(top.values.isneginf(), ITEMS)
    twin = TWINS[name](k=10)
    twin.update(listed, torch.stack([rows, wanted[1]]))
    ours = evaluate(graph, pairs, scores)[items].means()[f"{name}_10"]
    assert ours == pytest.approx(twin.compute().item(), abs=1e-6)


def test_coverage_is_that_of_torch_geometric():
    graph, pairs, scores = case(3)
    metrics = evaluate(graph, pairs, scores, cutoffs=(3,), sets=("all",))["all"]
    twin = pyg.LinkPredCoverage(k=3, num_dst_nodes=ITEMS)
    twin.update(scores[metrics.users].topk(3).indices, torch.zeros(2, 0, dtype=torch.long))
    assert metrics.means()["coverage_3"] == pytest.approx(twin.compute().item())


def sorted_by_hand(scores, allowed, k, order):
    """Items of one row by falling score and then by their place in the order; those of −inf left out."""
    place = {item: rank for rank, item in enumerate(order.tolist())}
    finite = [item for item in allowed if scores[item] > -torch.inf]
    return sorted(finite, key=lambda item: (-scores[item].item(), place[item]))[:k]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    width=st.sampled_from([64, 640, 641, 1000, 1023]),
    levels=st.sampled_from([1, 2, 30, 10**6]),
    excluded=st.sampled_from([0.0, 0.3, 0.99]),
    k=st.sampled_from([1, 2, 4]),
)
def test_large_catalogues_are_sorted_by_score_and_key_on_every_item_set(seed, width, levels, excluded, k):
    """Wide enough to be selected by blocks, with and without a rest, with ties at the cut."""
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.integers(levels, size=(3, width)), dtype=torch.float32)
    scores[torch.tensor(rng.random((3, width)) < excluded)] = -torch.inf
    seen = torch.tensor(rng.random((3, width)) < rng.choice([0.001, 0.5]))
    order, before = torch.tensor(rng.permutation(width)), scores.clone()
    for items, allowed in (("all", seen | True), ("repeat", seen), ("new", ~seen)):
        values, best = top_candidates(scores, seen.nonzero(as_tuple=True), items, k, order)
        assert torch.equal(scores, before)
        assert values.shape == best.shape == (3, k)
        for row in range(3):
            expected = sorted_by_hand(scores[row], allowed[row].nonzero().flatten().tolist(), k, order)
            assert best[row, : len(expected)].tolist() == expected
            assert values[row, : len(expected)].tolist() == scores[row, expected].tolist()
            assert values[row, len(expected) :].isneginf().all()


@pytest.mark.parametrize("place", [0, 63, 64, 700, 999])
@pytest.mark.parametrize("items", SETS)
@pytest.mark.parametrize("count", [1, 40])
def test_one_score_that_is_not_a_number_is_found_wherever_it_is(place, items, count):
    """Among new and among seen items, in a block and in the rest, also for a user with nothing to find."""
    frame = pd.DataFrame({"user": [0, 1, 1, 2], "item": [3, 64, 999, 5]})
    graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(3)), IdMap(np.arange(1000))))
    scores = torch.rand(3, 1000, generator=torch.Generator().manual_seed(0))
    for user in range(3):
        evaluator = RankingEvaluator(graph, truth_lists(np.array([[0, 3], [0, 7]]), graph), (2,), (items,))
        evaluator.update(torch.arange(3), scores)
        bad = scores.clone()
        bad[user, torch.arange(place, place + count) % 1000] = math.nan
        with pytest.raises(ValueError, match="not a number"):
            evaluator.update(torch.arange(3), bad)


def test_refused_scores_leave_nothing_behind():
    graph, pairs, scores = case(1)
    evaluator = RankingEvaluator(graph, truth_lists(pairs, graph), (3,), SETS)
    with pytest.raises(ValueError, match="not a number"):
        evaluator.update(ALL_USERS, torch.full_like(scores, math.nan))
    evaluator.update(ALL_USERS, scores)
    expected = evaluate(graph, pairs, scores, cutoffs=(3,))
    for items, metrics in evaluator.compute().items():
        assert torch.equal(metrics.users, expected[items].users)


def test_truth_may_come_in_any_order_and_twice():
    graph, pairs, scores = case(8)
    shuffled = np.random.default_rng(0).permutation(np.concatenate([pairs, pairs[:40]]))
    shuffled = shuffled[np.argsort(shuffled[:, 0], kind="stable")]
    one, two = evaluate(graph, pairs, scores), evaluate(graph, shuffled, scores)
    for items in SETS:
        for name, values in one[items].values.items():
            assert torch.equal(values, two[items].values[name]), name


@pytest.mark.parametrize("users", [5, 70])  # few take the plain product
@pytest.mark.parametrize("items", [1, 1023, 1024, 2500])
def test_inner_products_of_blocks_are_those_of_one_product(users, items):
    generator = torch.Generator().manual_seed(0)
    user, item = (torch.randn(rows, 8, generator=generator) for rows in (users, items))
    expected = user.double() @ item.double().T
    torch.testing.assert_close(inner_products(user, item).double(), expected, rtol=1e-5, atol=1e-5)
    assert inner_products(user[:0], item).shape == (0, items)
    item.requires_grad_()
    inner_products(user, item).sum().backward()
    torch.testing.assert_close(item.grad, user.sum(dim=0).expand(items, -1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 12))
def test_top_items_with_ties_is_a_sort_by_score_and_key(seed, levels, k):
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.integers(levels, size=(6, 9)), dtype=torch.float32)
    scores[torch.tensor(rng.random((6, 9)) < 0.3)] = -torch.inf
    order = torch.tensor(rng.permutation(9))
    place = {item: rank for rank, item in enumerate(order.tolist())}
    values, items = top_items(scores, k, order)
    assert values.shape == items.shape == (6, min(k, 9))
    for row in range(6):
        expected = sorted(range(9), key=lambda item: (-scores[row, item].item(), place[item]))[:k]
        finite = [item for item in expected if scores[row, item] > -torch.inf]
        assert items[row, : len(finite)].tolist() == finite
        assert values[row].tolist() == scores[row, expected].tolist()
        assert len(set(items[row].tolist())) == min(k, 9)


def test_ties_favour_neither_small_ids_nor_popular_items():
    """With all scores equal, a list is a fixed random draw: the same for all users, ids spread evenly."""
    order = tie_order(1000, torch.device("cpu"))
    values, items = top_items(torch.zeros(3, 1000), 100, order)
    assert torch.equal(items, order[:100].expand(3, -1))
    assert abs(items[0].float().mean() - 499.5) < 90  # three deviations of the mean of 100 draws
    assert torch.equal(order, tie_order(1000, torch.device("cpu")))
    assert not values.any()


def test_relabelling_items_with_ties_costs_a_popular_order_nothing():
    """Whether bought items have small or large ids, a constant score finds about the same share of them."""
    recalls = []
    for bought in (range(100), range(900, 1000)):
        pairs = np.array([[0, item] for item in bought])
        frame = pd.DataFrame({"user": [0, 1], "item": [500, 501]})
        graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(2)), IdMap(np.arange(1000))))
        evaluator = RankingEvaluator(graph, truth_lists(pairs, graph), (500,), ("all",))
        evaluator.update(torch.tensor([0]), torch.zeros(1, 1000))
        recalls.append(evaluator.compute()["all"].means()["recall_500"])
    assert recalls == pytest.approx([0.5, 0.5], abs=0.15)


@pytest.mark.parametrize("batch", [1, 4, 29])
@pytest.mark.parametrize("levels", [None, 3])
def test_result_does_not_depend_on_the_batches(batch, levels):
    graph, pairs, scores = case(5, levels)
    whole, parts = evaluate(graph, pairs, scores), evaluate(graph, pairs, scores, batch=batch)
    for items in SETS:
        assert torch.equal(whole[items].users, parts[items].users)
        assert torch.equal(whole[items].items, parts[items].items)
        for name, values in whole[items].values.items():
            assert torch.equal(values, parts[items].values[name]), name


def test_more_places_than_items():
    graph, pairs, scores = case(2)
    metrics = evaluate(graph, pairs, scores, cutoffs=(10, 1000))
    for items in SETS:
        means = metrics[items].means()
        assert means["recall_1000"] == 1.0
        assert means["hit_ratio_1000"] == 1.0
        assert means["precision_1000"] < 0.1
        assert metrics[items].items.shape[1] == ITEMS
    assert (metrics["repeat"].items == -1).any()


def test_a_perfect_ranking_has_perfect_measures():
    graph, pairs, scores = case(4)
    scores.zero_()[pairs[:, 0], pairs[:, 1]] = 1.0
    for metrics in evaluate(graph, pairs, scores).values():
        means = metrics.means()
        assert means["ndcg_10"] == means["mrr_10"] == means["map_10"] == means["hit_ratio_1"] == 1.0


def test_item_that_may_not_be_ranked_is_never_a_hit():
    """A user whose repeat items are fewer than K: the empty places match nothing."""
    frame = pd.DataFrame({"user": [0, 1], "item": [2, 3]})
    graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(2)), IdMap(np.arange(5))))
    pairs = np.array([[0, 1], [0, 2]])
    evaluator = RankingEvaluator(graph, truth_lists(pairs, graph), (4,), SETS)
    evaluator.update(torch.tensor([0, 1]), torch.full((2, 5), -3.0))
    repeat = evaluator.compute()["repeat"]
    assert repeat.items.tolist() == [[2, -1, -1, -1]]
    assert repeat.means()["precision_4"] == 0.25
    assert repeat.means()["recall_4"] == 1.0


def test_item_the_model_excludes_is_never_a_hit():
    graph, _, scores = case(1)
    pairs = np.array([[0, 3], [0, 4]])
    scores[0, 3] = -math.inf
    metrics = evaluate(graph, pairs, scores, cutoffs=(ITEMS,), sets=("all",))["all"]
    assert metrics.means()[f"recall_{ITEMS}"] == 0.5


def test_a_score_that_is_not_a_number_is_refused():
    graph, pairs, scores = case(1)
    scores[3, 4] = math.nan
    with pytest.raises(ValueError, match="not a number"):
        evaluate(graph, pairs, scores)


def test_scores_of_the_caller_stay_as_they_were():
    graph, pairs, scores = case(1)
    kept = scores.clone()
    evaluate(graph, pairs, scores)
    assert torch.equal(scores, kept)


def test_intervals_hold_the_means_and_names_are_flat():
    graph, pairs, scores = case(6)
    metrics = evaluate(graph, pairs, scores, sets=("new", "all"))
    for result in metrics.values():
        means = result.means()
        for name, measured in result.measured(replicates=200).items():
            assert measured.value == means[name]
            assert measured.low <= measured.value <= measured.high
        assert set(means) == set(result.measured(replicates=2))
    flat = metric_names("val", metrics)
    assert flat["val_ndcg_10"] == flat["val_ndcg_10_new"] == metrics["new"].means()["ndcg_10"]
    assert flat["val_ndcg_10_all"] == metrics["all"].means()["ndcg_10"]
    assert all(name.replace("_", "").isalnum() for name in flat)
