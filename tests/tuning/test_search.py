"""A study: what it proposes, that it repeats nothing, and that one that was killed goes on alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from graphrec.errors import InputError
from graphrec.tuning.search import Rules, Search
from graphrec.tuning.settings import Choice, Range
from graphrec.tuning.space import Space
from graphrec.tuning.trials import Outcome, Trial, table_of

LINE = Space(Path("space.yaml"), (Range("a.x", 0.0, 1.0), Choice("a.kind", ("good", "bad"))))
DEFAULTS = {"a.x": 0.2, "a.kind": "bad"}


def quality(point: dict) -> float:
    """Best, 1, at x = 0.7 of the good kind."""
    return 1 - abs(point["a.x"] - 0.7) - 0.5 * (point["a.kind"] == "bad")


def opened(folder: Path, rules: Rules, space: Space = LINE, defaults=DEFAULTS, job=None) -> Search:
    return Search("m", space, folder / "study.db", rules, defaults, job or {"base": "b"})


def run(search: Search, most: int = 1000) -> list[Trial]:
    """Try what is proposed, as far as that goes."""
    done = []
    while len(done) < most and (trial := search.propose()) is not None:
        done.append(replace(trial, outcome=Outcome("complete", quality(trial.shown), 1, 1.0)))
        search.finish(done[-1])
    return done


def test_the_default_is_first_and_the_best_is_found(tmp_path):
    trials = run(opened(tmp_path, Rules(trials=24)))
    assert len(trials) == 24
    assert trials[0].settings == {}
    assert trials[0].shown == DEFAULTS
    best = opened(tmp_path, Rules(trials=24)).best
    assert best.outcome.value == max(map(quality, (one.shown for one in trials)))
    assert best.shown["a.kind"] == "good"
    assert best.outcome.value > 0.9, "the planted best point is at 1"


def test_a_search_that_ends_early_and_goes_on_tries_what_a_whole_one_does(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = run(opened(tmp_path / "whole", Rules(trials=14)))
    first = run(opened(tmp_path / "parts", Rules(trials=14)), most=6)
    search = opened(tmp_path / "parts", Rules(trials=14))
    begun = search.propose()  # and then it is killed
    rest = run(opened(tmp_path / "parts", Rules(trials=14)))
    assert rest[0].shown == begun.shown
    assert rest[0].number == 6
    assert [one.shown for one in first + rest] == [one.shown for one in whole]


def test_a_small_space_is_tried_to_its_end_without_repeating(tmp_path):
    few = Space(Path("space.yaml"), (Choice("a", (1, 2, 3)), Range("b", 0, 3, whole=True)))
    search = opened(tmp_path, Rules(trials=100), few, {"a": 2, "b": 1})
    points = []
    while (trial := search.propose()) is not None:
        points.append(tuple(trial.shown.values()))
        search.finish(replace(trial, outcome=Outcome("complete", float(sum(points[-1])), 1, 1.0)))
    assert points[0] == (2, 1)
    assert sorted(points) == [(a, b) for a in (1, 2, 3) for b in range(4)]


def test_a_grid_is_the_product_in_order(tmp_path):
    few = Space(Path("space.yaml"), (Choice("a", (1, 2)), Choice("b", ("x", "y", "z"))))
    search = opened(tmp_path, Rules(sampling="grid"), few, None)
    found = []
    while (trial := search.propose()) is not None:
        found.append(trial.settings)
        search.finish(replace(trial, outcome=Outcome("complete", 1.0, 1, 1.0)))
    assert found == [{"a": a, "b": b} for a in (1, 2) for b in ("x", "y", "z")]
    with pytest.raises(InputError, match="a grid cannot hold a continuous range"):
        opened(tmp_path / "..", Rules(sampling="grid"), LINE, None).propose()


def test_a_default_outside_of_the_space_is_tried_all_the_same(tmp_path):
    trials = run(opened(tmp_path, Rules(trials=5), defaults={"a.x": 7.0, "a.kind": "bad"}))
    assert trials[0].shown["a.x"] == 7.0
    assert trials[0].settings == {}
    assert all(0 <= one.shown["a.x"] <= 1 for one in trials[1:])


def test_a_worse_trial_is_pruned_and_the_default_never(tmp_path):
    search = opened(tmp_path, Rules(trials=9, first_rung=2))
    for number in range(4):
        trial = search.propose()
        stops = [search.report(trial, epoch, 1.0 if number == 1 else 0.1) for epoch in range(1, 8)]
        if number in (0, 1):
            assert not any(stops)
        else:
            assert stops.index(True) + 1 == 2
        search.finish(replace(trial, outcome=Outcome("pruned" if any(stops) else "complete", 0.5, 2, 1.0)))
    assert [one.outcome.state for one in search.trials] == ["complete", "complete", "pruned", "pruned"]
    assert not search.trials[2].counts


def test_the_least_value_is_the_best_where_it_should_be(tmp_path):
    search = opened(tmp_path, Rules(trials=12, larger=False))
    values = [one.outcome.value for one in run(search)]
    assert search.best.outcome.value == min(values)


def test_another_search_in_the_same_folder_is_refused(tmp_path):
    run(opened(tmp_path, Rules(trials=2)))
    with pytest.raises(InputError, match="its base is not the same"):
        opened(tmp_path, Rules(trials=2), job={"base": "other"})
    with pytest.raises(InputError, match="its settings is not the same"):
        opened(tmp_path, Rules(trials=2), Space(Path("space.yaml"), LINE.settings[:1]))
    with pytest.raises(InputError, match="its seed is not the same"):
        opened(tmp_path, Rules(trials=2, seed=1))


def test_infeasible_trials_are_counted_and_are_not_the_best(tmp_path):
    search = opened(tmp_path, Rules(trials=3))
    for _ in range(3):
        search.finish(replace(search.propose(), outcome=Outcome("infeasible", why="no room")))
    assert search.best is None
    assert [one.outcome.why for one in search.trials] == ["no room"] * 3
    assert search.importance() == {}


def test_importance_finds_what_matters(tmp_path):
    search = opened(tmp_path, Rules(sampling="random", trials=24, pruning="none"))
    run(search)
    shares = search.importance()
    assert set(shares) == {"a.x", "a.kind"}
    assert sum(shares.values()) == pytest.approx(1.0)
    same = Space(Path("space.yaml"), (Range("a.x", 0.0, 1.0), Range("idle", 0.0, 1.0)))
    (tmp_path / "idle").mkdir()
    other = opened(tmp_path / "idle", Rules(sampling="random", trials=24), same, {"a.x": 0.2, "idle": 0.5})
    while (trial := other.propose()) is not None:
        other.finish(replace(trial, outcome=Outcome("complete", -abs(trial.shown["a.x"] - 0.7), 1, 1.0)))
    assert other.importance()["a.x"] > 0.9


def test_the_table_has_a_column_per_setting():
    trials = [
        Trial(
            "m", 0, {}, {"a.x": 0.2, "a.list": [1, 2]}, 3, Outcome("complete", 0.5, 4, 1.234), "runs/m-000"
        ),
        Trial("m", 1, {"a.x": 0.1}, {"a.x": 0.1, "a.list": None}, 3, Outcome("infeasible", why="no room")),
    ]
    table = table_of(trials)
    assert list(table) == [
        "model",
        "trial",
        "state",
        "value",
        "epoch",
        "seconds",
        "seed",
        "a.x",
        "a.list",
        "run",
        "why",
    ]
    assert table["a.list"].tolist()[0] == "[1, 2]"
    assert table["epoch"].tolist()[0] == 4
    assert table["value"].isna().tolist() == [False, True]
