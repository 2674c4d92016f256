"""Measures beside the hits against loops in plain Python, and planted lists whose values are known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.evaluation.beyond import copurchase_diversity
from graphrec.evaluation.catalogue import Catalogue, coverage, coverage_of_third, gini
from graphrec.evaluation.item_categories import categories_of
from graphrec.evaluation.lists import Categories
from graphrec.evaluation.measures import absent, of_kind, own_measures
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph

USERS, ITEMS, KINDS, K = 40, 30, 4, 6


class Case:
    """A log, lists of some length for every user, what they were to find, and the category of each item."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        bought = rng.random((USERS, ITEMS)) < rng.random(ITEMS) ** 3
        bought[0] = False  # a user of whom training knows nothing
        bought[:, ITEMS - 1] = False  # and an item
        self.bought = bought
        user, item = bought.nonzero()
        frame = pd.DataFrame({"user": user, "item": item})
        self.graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(USERS)), IdMap(np.arange(ITEMS))))
        self.truth = rng.random((USERS, ITEMS)) < 0.2
        self.truth[:, 3] = True  # everybody has something to find
        self.lists = [list(rng.permutation(ITEMS)[: rng.integers(0, 9)]) for _ in range(USERS)]
        self.kind = rng.integers(KINDS, size=ITEMS)

    def measured(self, *more, k: int = K):
        given = np.full((USERS, ITEMS), -1)
        for user, own in enumerate(self.lists):
            given[user, : len(own)] = own
        names = Categories("kind", tuple("abcd"), torch.from_numpy(self.kind))
        truth = truth_lists(np.argwhere(self.truth), self.graph)
        evaluator = RankingEvaluator(self.graph, truth, (k,), ("all",), own_measures(more), names)
        evaluator.take(torch.arange(USERS), torch.from_numpy(given))
        return evaluator.compute()["all"]

    def by_popularity(self) -> list[int]:
        order = RankingEvaluator(self.graph, truth_lists(np.zeros((0, 2), int), self.graph)).order.tolist()
        return sorted(range(ITEMS), key=lambda item: (-self.bought[:, item].sum(), order.index(item)))


def mix(kinds) -> np.ndarray:
    counts = np.bincount(kinds, minlength=KINDS).astype(float)
    return counts / counts.sum() if counts.sum() else counts


@pytest.mark.parametrize("seed", range(3))
def test_each_is_what_a_loop_makes_of_it(seed):
    case = Case(seed)
    found = case.measured(copurchase_diversity).values
    top = case.by_popularity()[:K]
    for user, whole in enumerate(case.lists):
        own = whole[:K]
        surprise = sum(case.truth[user, item] for item in own if item not in top) / K
        pairs = list(combinations(own, 2))
        apart = sum(case.kind[a] != case.kind[b] for a, b in pairs) / len(pairs) if pairs else 0.0
        history = case.kind[case.bought[user].nonzero()[0]]
        p = mix(history if len(history) else np.broadcast_to(case.kind, (USERS, ITEMS))[case.bought])
        q = 0.99 * mix(case.kind[own] if own else np.array([], int)) + 0.01 * p
        divergence = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)
        distances = []
        for a, b in pairs:
            first, second = case.bought[:, a].astype(float), case.bought[:, b].astype(float)
            norm = math.sqrt(first.sum() * second.sum())
            distances.append(1 - (first @ second / norm if norm else 0.0))
        wanted = {
            "serendipity": surprise,
            "diversity": apart,
            "miscalibration": max(divergence, 0.0),
            "copurchase_diversity": np.mean(distances) if pairs else 0.0,
        }
        for name, value in wanted.items():
            assert found[f"{name}_{K}"][user].item() == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("seed", range(3))
def test_what_all_lists_show_is_what_a_loop_counts(seed):
    case = Case(seed)
    means = case.measured().means()
    counts = np.zeros(ITEMS)
    for own in case.lists:
        for item in own[:K]:
            counts[item] += 1
    order = case.by_popularity()
    for name, part in zip(("head", "middle", "tail"), np.split(np.array(order), 3), strict=True):
        assert means[f"coverage_{name}_{K}"] == pytest.approx((counts[part] > 0).mean(), abs=1e-15)
    assert means[f"coverage_{K}"] == pytest.approx((counts > 0).mean(), abs=1e-15)
    apart = sum(abs(a - b) for a in counts for b in counts)
    assert means[f"gini_{K}"] == pytest.approx(apart / (2 * ITEMS * counts.sum()), abs=1e-12)


def test_gini_of_planted_exposures():
    whole = Catalogue(np.zeros(5, dtype=np.int64), np.arange(5))
    assert gini(np.full(5, 3.0), whole) == pytest.approx(0.0, abs=1e-12)
    assert gini(np.array([0, 0, 7.0, 0, 0]), whole) == pytest.approx(0.8)
    assert gini(np.zeros(5), whole) == 0.0


def test_thirds_of_few_items_and_ties_in_the_given_order():
    whole = Catalogue(np.array([2, 2, 2, 9]), np.array([2, 3, 1, 0]))
    assert whole.by_popularity.tolist() == [3, 2, 1, 0]
    assert [part.tolist() for part in whole.thirds] == [[3, 2], [1], [0]]
    one = Catalogue(np.array([1]), np.array([0]))
    assert [coverage_of_third(third)(np.ones(1), one) for third in range(3)] == [1.0, 0.0, 0.0]
    assert coverage(np.ones(1), one) == 1.0


def test_a_list_of_the_users_own_mix_is_calibrated_and_another_is_not():
    case = Case(0)
    case.bought[:] = False
    case.bought[:, :4] = True
    case.kind[:] = 0
    case.kind[2:4], case.kind[6:8] = 1, 1
    user, item = case.bought.nonzero()
    frame = pd.DataFrame({"user": user, "item": item})
    case.graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(USERS)), IdMap(np.arange(ITEMS))))
    case.lists = [[4, 5, 6, 7]] * (USERS - 2) + [[4, 5], []]
    values = case.measured().values[f"miscalibration_{K}"]
    assert values[:-2].tolist() == pytest.approx([0.0] * (USERS - 2), abs=1e-12)
    # half of the mix is of a kind that the list lacks: 1/2 log(1 / 0.01) + 1/2 log(0.5 / 0.995)
    lacks = 0.5 * math.log(0.5 / 0.005) + 0.5 * math.log(0.5 / 0.995)
    assert values[-2].item() == pytest.approx(lacks, abs=1e-12)
    assert values[-1].item() == pytest.approx(math.log(100), abs=1e-12)


def test_without_categories_or_training_some_measures_are_absent_and_named():
    case = Case(1)
    truth = truth_lists(np.argwhere(case.truth), case.graph)
    evaluator = RankingEvaluator(case.graph, truth, (K,), ("all",))
    evaluator.update(torch.arange(USERS), torch.rand(USERS, ITEMS))
    found = set(evaluator.compute()["all"].means())
    assert {f"{name}_{K}" for name in ("novelty", "serendipity", "gini")} <= found
    assert not {f"{name}_{K}" for name in ("diversity", "miscalibration")} & found
    assert [one.name for one in absent(["train"])["categories"]] == ["diversity", "miscalibration"]
    lacking = {one.name for ones in absent([]).values() for one in ones}
    assert lacking == {one.name for one in of_kind("user", "catalogue")} - {
        "precision", "recall", "ndcg", "hit_ratio", "mrr", "map"
    }  # fmt: skip


def test_categories_join_by_id_and_an_unknown_attribute_is_refused():
    items = pd.DataFrame({"item_id": ["b", "a"], "department": ["MEAT", "BAKERY"], "size": [2.0, 1.0]})
    found = categories_of(items, "department", IdMap(np.array(["a", "b", "c"])))
    assert [found.names[code] for code in found.of_item] == ["BAKERY", "MEAT", "unknown"]
    with pytest.raises(InputError, match="'departement'; did you mean 'department'"):
        categories_of(items, "departement", IdMap(np.array(["a"])))
    with pytest.raises(InputError, match="no attributes of items"):
        categories_of(None, "department", IdMap(np.array(["a"])))
