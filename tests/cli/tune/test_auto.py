"""``tune --auto``: what fits the budget is tried, what does not is told, and one checkpoint comes out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_runs import write_log

from graphrec.cli.main import main
from graphrec.cli.tune import auto as module
from graphrec.cli.tune.auto import CLOSED, TRAINED, Auto
from graphrec.cli.tune.bases import Asked
from graphrec.cli.tune.engine import Looked, Plan, Tuned
from graphrec.errors import InputError
from graphrec.tuning.budget import Budget
from graphrec.tuning.trials import Outcome, Trial


@pytest.fixture
def auto(tmp_path, monkeypatch, capsys):
    """Run all phases with fits that take seconds of a false clock; what was asked for, and found."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(module, "time", clock)
    asked: list[tuple[str, Budget]] = []

    def run(budget: float, seconds: dict[str, float], values: dict[str, float]):
        known: dict[str, float] = {}

        def search(base, space, plan, pool, told):
            asked.append((base.name, plan.budget))
            if base.name not in values:
                raise InputError(f"{base.name}: its default cannot be fitted: no memory")
            took = seconds[base.name]
            if base.name in known:
                took = plan.budget.seconds - known[base.name]
            known[base.name] = known.get(base.name, 0.0) + took
            clock.now += took
            trial = Trial(
                base.name, 0, {}, {}, 0, Outcome("complete", values[base.name], 1, known[base.name]), "r"
            )
            return Tuned(base, space, Looked({}, "val_ndcg_20", True, False), [trial], trial)

        monkeypatch.setattr(module, "search", search)
        plan, pool = Plan(tmp_path, Budget(None, budget)), SimpleNamespace(workers=[None])
        made = Auto(Asked({"class_path": "RecommenderData"}), plan, pool, None)
        return made.run(), asked, clock.now, capsys.readouterr().out

    return run


ALL = dict.fromkeys((*CLOSED, *TRAINED), 0.1)


def test_the_time_is_kept_and_shared_equally(auto):
    found, asked, took, said = auto(2400.0, dict.fromkeys(ALL, 4.0), {**ALL, "ease": 0.3})
    assert took <= 2400 * 0.6 + 1, "the rest is for fusion, refit and test"
    assert "10 min for closed forms" in said
    assert found.best.model == "ease"
    assert not found.left_out
    firsts = [name for name, budget in asked if budget.trials == 1]
    assert firsts == [*CLOSED, *TRAINED]
    tuned = {name: budget.seconds - 4.0 for name, budget in asked if budget.trials is None}
    assert "popularity" not in tuned, "it has nothing to tune"
    shares = [tuned[name] for name in CLOSED if name in tuned]
    assert max(shares) == pytest.approx(min(shares))


def test_of_the_closed_forms_only_the_best_are_tuned_and_the_others_are_named(auto):
    good = {"ease": 0.3, "user_cf": 0.25, "spectral": 0.2, "p3alpha": 0.15}
    _, asked, _, said = auto(2400.0, dict.fromkeys(ALL, 4.0), {**ALL, **good})
    tuned = [name for name, budget in asked if budget.trials is None and name in CLOSED]
    assert set(tuned) == set(good)
    assert "item_cf: its default stands; those of 4 others did better" in said


def test_slow_models_keep_their_default_or_are_left_out_and_it_is_said(auto):
    seconds = {**dict.fromkeys(ALL, 1.0), "spectral": 60.0, "user_cf": 90.0, "lightgcn": 190.0}
    found, asked, _, said = auto(600.0, seconds, ALL)
    assert found.left_out["ials"] == "no time was left for its first fit"
    assert "spectral: its default stands; a fit took 1 min" in said or "user_cf: its default stands" in said
    assert {name for name, budget in asked if name == "lightgcn" and budget.trials is None} == set()
    assert "lightgcn" in {one.model for one in found.tuned}


def test_a_model_that_cannot_be_fitted_is_left_out_with_its_reason(auto):
    values = {name: value for name, value in ALL.items() if name != "ease"}
    found, _, _, _ = auto(600.0, dict.fromkeys(ALL, 1.0), values)
    assert "no memory" in found.left_out["ease"]
    with pytest.raises(InputError, match="no model could be fitted"):
        auto(600.0, dict.fromkeys(ALL, 1.0), {})


@pytest.mark.slow
def test_a_real_search_ends_with_one_checkpoint_and_one_test(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    write_log("log.csv")
    found = main(["tune", "--auto", "--data", "log.csv", "--budget", "90s", "--out", "out"])
    assert found.tuned
    tested = list(Path("out").rglob("test_metrics.json"))
    assert len(tested) == 1
    result = json.loads(Path("out/result.json").read_text())
    assert result["test"]
    assert result["verdict"].startswith("taken: ")
    names = {one.model for one in found.tuned} | set(found.left_out)
    assert names == {*CLOSED, *TRAINED}
    assert replace(found.best.best).counts
