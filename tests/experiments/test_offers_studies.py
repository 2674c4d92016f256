"""The studies of offers on a made-up log: what must hold whatever the log is."""

from __future__ import annotations

import importlib
import json

import pytest
from scripts import EXPERIMENTS


@pytest.fixture
def study(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "studies"))

    def run(name, *options, **constants):
        script = importlib.import_module(name)
        for key, value in constants.items():
            monkeypatch.setattr(script, key, value)
        parser = script.arguments(script.__doc__, seeds=2)
        script.main(parser.parse_args(["--out", str(tmp_path), "--synthetic", *options]))
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        assert {file.name for file in tmp_path.iterdir()} == {"metrics.json", f"{name}.png"}
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        assert all(isinstance(value, float) for value in metrics.values())
        return metrics

    return run


def test_simulator(study):
    found = study(
        "offers_simulator",
        "--pairs",
        "800",
        WEEKS=4,
        GATE_WEEKS=2,
        HIDDEN_SIGMAS=(0.2,),
        BUDGET_SHARES=(1.0,),
    )
    assert found["budget_exceeded"] == 0
    assert found["allocation_gap"] <= 1e-3
    assert found["profit_objective_gain_worst"] >= 0
    for policy in ("uniform", "linear_rate", "knapsack"):
        assert found[f"{policy}_share_of_oracle"] < 1
    assert found["gain_share_linear_rate_units"] < found["gain_share_of_oracle_units"]
    assert found["gain_share_of_oracle_units_low"] <= found["gain_share_of_oracle_units"]
    assert found["regret"] == pytest.approx(1 - found["gain_share_of_oracle_units"])
    assert "hidden_20_gain_share_ceiling" in found


def test_estimators(study):
    found = study("offers_estimators", "--pairs", "2000", FOLD_WEEKS=8)
    assert found["thin_support_refused"] == 1
    assert found["unknown_propensity_refused"] == 1
    assert found["confounded_naive_lift"] > found["confounded_true_lift"]
    assert 0 <= found["coverage_randomised"] <= 1
    assert found["folded_value_refused"] == 0
    assert 0 < found["folded_regret_mean"] < 1


def test_feedback(study):
    found = study("offers_feedback", "--pairs", "800", ROUNDS=4, WARM_UP_WEEKS=2)
    assert found["gate_live"] + found["gate_kept"] == 4 * 2
    assert found["static_regret_round_20"] > 0
    assert found["feedback_regret_round_20"] > 0
    assert 1 <= found["crossing_round"] <= 5


def test_loop(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "studies"))
    script = importlib.import_module("offer_loop")
    monkeypatch.setattr(script, "WEEKS", 3)
    script.main(script.parser().parse_args(["--out", str(tmp_path), "--users", "60", "--seeds", "2"]))
    assert (tmp_path / "offer_loop.png").stat().st_size > 10_000
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["pairs"] == 60 * script.ITEMS
    assert 0 < found["static_share"] < 1
    assert found["last_week_share"] <= 1
    assert found["regret"] > 0
    assert found["worse_promotions"] <= found["promotions"]
    assert found["seeds_without_a_worse_promotion"] <= found["seeds"]
