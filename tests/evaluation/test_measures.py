"""The table of measures, and measures that a user adds to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from graphrec.data.interactions import IdMap, Interactions
from graphrec.errors import InputError
from graphrec.evaluation.classification import Separation
from graphrec.evaluation.measures import (
    BY_NAME,
    MEASURES,
    Lists,
    Measure,
    metric_title,
    of_kind,
    own_measures,
    told,
)
from graphrec.evaluation.ranking import RankingEvaluator, truth_lists
from graphrec.graph import BipartiteGraph


def first_hit(lists: Lists) -> torch.Tensor:
    return 1 + (lists.hits == 0).cumprod(dim=1).sum(dim=1)


FALLING = Measure("late", "Places to a hit", first_hit, higher_is_better=False)


def evaluate(*measures: Measure, k: int = 3):
    """Two users who have bought item 0 rank 1, 2, 3, 4; the first is to find 3, the second 1 and 4."""
    frame = pd.DataFrame({"user": [0, 1, 2], "item": [0, 0, 0]})
    graph = BipartiteGraph(Interactions(frame, IdMap(np.arange(3)), IdMap(np.arange(5))))
    truth = truth_lists(np.array([[0, 3], [1, 1], [1, 4]]), graph)
    evaluator = RankingEvaluator(graph, truth, (1, k), ("new",), measures)
    evaluator.update(torch.arange(3), -torch.arange(5.0).repeat(3, 1))
    return evaluator.compute()["new"]


def test_every_measure_has_a_name_and_a_title_of_its_own():
    assert len(BY_NAME) == len({measure.title for measure in MEASURES}) == len(MEASURES)
    assert metric_title("hit_ratio_20") == "Hit ratio@20"


def test_every_measure_of_lists_is_evaluated_and_has_an_interval():
    given = of_kind("user", "catalogue", given=["train"])
    names = {f"{one.name}_{k}" for one in given for k in (1, 3)}
    assert set(evaluate().means()) == set(evaluate().measured(2)) == names
    users = of_kind("user", given=["train"])
    assert set(evaluate().values) == {f"{one.name}_{k}" for one in users for k in (1, 3)}


def test_measures_of_a_probability_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    probability, bought = rng.integers(1, 20, size=300) / 20, rng.random(300) < 0.3
    found = {one.name: one.compute(probability, bought) for one in of_kind("probability")}
    assert found["auc"] == pytest.approx(roc_auc_score(bought, probability), abs=1e-12)
    assert found["average_precision"] == pytest.approx(average_precision_score(bought, probability))
    assert set(Separation._fields) < set(found)
    for outcome in (True, False):
        alike = np.full(300, outcome)
        assert BY_NAME["auc"].compute(probability, alike) == 0.5
        assert BY_NAME["average_precision"].compute(probability, alike) == outcome


def test_a_measure_of_ones_own_is_computed_of_each_users_list():
    seen: list[Lists] = []

    def surprise(lists: Lists) -> torch.Tensor:
        seen.append(lists)
        return (lists.hits * lists.information).sum(dim=1) / lists.relevant

    found = evaluate(*own_measures([surprise, FALLING]))

    assert found.values["late_1"].tolist() == [2, 1]
    assert found.values["late_3"].tolist() == [3, 1]
    bits = np.log2(3)  # of an item that nobody has bought, as if one of three users had
    assert found.values["surprise_3"].tolist() == pytest.approx([bits, bits / 2])
    assert found.means()["late_3"] == 2
    assert found.measured(50)["late_3"].low >= 1
    _, lists = seen
    assert lists.users.tolist() == [0, 1]
    assert lists.items.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert lists.hits.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert (lists.relevant.tolist(), lists.k, lists.graph.num_items) == ([1, 2], 3, 5)


def test_others_have_the_values_that_they_have_alone():
    alone, beside = evaluate(), evaluate(FALLING)
    for name, values in alone.values.items():
        assert torch.equal(values, beside.values[name])


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda lists: lists.hits, r"measure mine returned the shape \[2, 1\] for 2 users"),
        (lambda lists: lists.found.sum(), r"the shape \[\] for 2 users"),
        (lambda lists: lists.found / 0 * 0, "returned what is no finite number"),
        (lambda lists: 1 / lists.found, "returned what is no finite number"),
        (lambda lists: 0.5, "measure mine returned a float; return a tensor with a number per user"),
        (lambda lists: None, "returned a NoneType"),
    ],
)
def test_what_a_measure_may_not_return_is_one_line(returned, message):
    with pytest.raises(InputError, match=message):
        evaluate(Measure("mine", "Mine", returned))


def ndcg(lists: Lists) -> torch.Tensor:
    return lists.found


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ([ndcg], "graphrec has a measure 'ndcg'; give yours another name"),
        ([FALLING, FALLING], "there already is a measure 'late'"),
        ([BY_NAME["coverage"]], "coverage measures a catalogue, not lists"),
        ([3], "3 is no measure; name a function"),
        ([Measure], "is no measure; name a function"),
        ([lambda lists: lists.found], "'<lambda>' is no name"),
    ],
)
def test_what_is_no_measure_to_add_is_one_line(named, message):
    with pytest.raises(InputError, match=message) as refused:
        own_measures(named)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a-b"}, "measure 'a-b': 'a-b' is no name; give letters"),
        ({"name": None}, "None is no name"),
        ({"title": " "}, "' ' is no title"),
        ({"title": None}, "None is no title"),
        ({"compute": 3}, "3 is no compute; give a function"),
        ({"higher_is_better": "yes"}, "'yes' is no higher_is_better"),
        ({"kind": "users"}, "'users' is no kind; give one of user, catalogue, probability"),
    ],
)
def test_what_a_measure_is_made_of_is_checked(changes, message):
    given = {"name": "mine", "title": "Mine", "compute": first_hit}
    with pytest.raises(InputError, match=message):
        Measure(**{**given, **changes})


def test_a_run_keeps_what_a_report_needs_to_know():
    assert told([]) == {}
    assert told([FALLING]) == {"measures": {"late": {"title": "Places to a hit", "higher_is_better": False}}}
