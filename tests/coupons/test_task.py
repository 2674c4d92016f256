"""Redemption as an experiment: fitted, validated, tested and compared by the commands of every model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from coupon_data import PER_GROUP, day, planted

from graphrec.cli.main import main
from graphrec.coupons.data import RedemptionData
from graphrec.coupons.redemption import RedemptionEnsemble, redemption_table
from graphrec.coupons.task import RedemptionTask
from graphrec.errors import InputError
from graphrec.evaluation.classification import user_intervals

SMALL = {"members": 1, "trees": 10}
DAY = "2020-05-25"
"""Campaigns 1 to 4 end before it, 5 starts after it."""


def config(name: str, module: str, **model) -> dict:
    """A configuration whose tables a function of a module of the user's own makes."""
    return {
        "run": {"name": name, "id": "a"},
        "trainer": {"max_epochs": 1, "enable_progress_bar": False, "enable_model_summary": False},
        "data": {
            "class_path": "RedemptionData",
            "init_args": {
                "source": {"class_path": f"{module}.shop"},
                "day": DAY,
                "validation": [3, 4],
                "rank": 3,
                "cache": "features",
            },
        },
        "model": {"class_path": "RedemptionTask", "init_args": {**SMALL, **model}},
    }


def data(**options) -> RedemptionData:
    given = {"day": DAY, "validation": [3, 4], "rank": 3, **options}
    return RedemptionData(planted(), **given)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Path:
    """Two configurations, one without the graph, beside a module that makes the tables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    module = f"coupons_{tmp_path.parent.name}_{tmp_path.name}".replace("-", "_")  # imported once
    (tmp_path / f"{module}.py").write_text(
        "from coupon_data import planted\nfrom graphrec.coupons.campaigns import CouponData\n\n\n"
        "def shop() -> CouponData:\n    return planted()\n"
    )
    plain = config("coupons-plain", module)
    plain["data"]["init_args"]["without"] = ["link_"]
    (tmp_path / "graph.yaml").write_text(yaml.safe_dump(config("coupons-graph", module)))
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump(plain))
    return tmp_path


def test_redemption_is_fitted_validated_tested_and_compared(shop, capsys):
    for name in ("graph", "plain"):
        main(["fit", "-c", f"{name}.yaml"])
        main(["test", "-c", f"{name}.yaml"])
    main(["validate", "-c", "graph.yaml"])
    said = capsys.readouterr().out
    assert said.count("test: redemptions") == 2
    assert "Average precision" in said

    run = shop / "runs" / "coupons-graph" / "a"
    measured = json.loads((run / "test_metrics.json").read_text())
    pairs = pd.read_parquet(run / "test_pairs.parquet")
    assert set(pairs["campaign_id"]) == {5}
    assert set(pairs["coupon_id"]) == {100, 101, 102}
    expected = user_intervals(pairs["probability"], pairs["redeemed"], pairs["user_id"], 200)
    for name in ("auc", "auc_low", "average_precision_high"):
        assert measured[f"test_{name}"] == pytest.approx(expected[name])
    assert {"test_logloss", "test_ece"} <= set(measured)
    assert measured["test_auc"] > 0.7

    history = pd.read_csv(run / "metrics.csv").dropna(subset=["val_auc"])
    assert set(history) >= {"val_logloss", "val_auc", "val_average_precision", "val_ece", "val_likelihood"}
    assert len(list((shop / "features").glob("*.parquet"))) == 5

    main(["compare", "runs/coupons-graph", "runs/coupons-plain", "--out", "table"])
    table = pd.read_csv("table/comparison.csv").set_index(["run", "metric"])
    assert table.loc[("coupons-graph", "auc"), "value"] == pytest.approx(measured["test_auc"])
    assert not table.loc[("coupons-graph", "logloss"), "higher_is_better"]
    text = Path("table/comparison.md").read_text()
    assert "## coupons, pairs" in text
    assert "| Log loss | AUC |" in text
    assert "over the whole catalogue" not in Path("table/report.html").read_text()


def test_what_is_fitted_is_the_ensemble_of_the_study_and_a_checkpoint_needs_no_second_fit(shop, monkeypatch):
    cli = main(["fit", "-c", "graph.yaml"])
    tables = planted()
    train, test = redemption_table(tables, (1, 2, 3, 4), 3), redemption_table(tables, (5,), 3)
    ensemble = RedemptionEnsemble(cli.datamodule.columns, **SMALL).fit(train)
    np.testing.assert_allclose(cli.model.test_log_odds.numpy(), ensemble.log_odds(test))
    monkeypatch.setattr(RedemptionEnsemble, "fit", None)
    again = main(["test", "-c", "graph.yaml"])
    assert torch.equal(again.model.test_log_odds, cli.model.test_log_odds)


def test_each_validated_campaign_is_judged_by_those_that_ended_before_it():
    module = data()
    assert [(one.train, one.test) for one in module.split.origins] == [((1, 2), (3,)), ((1, 2, 3), (4,))]
    task = RedemptionTask(**SMALL)
    task.prepare(None, module, None)
    later = redemption_table(planted(), (4,), 3)
    expected = task.ensemble(module.columns).fit(redemption_table(planted(), (1, 2, 3), 3)).log_odds(later)
    np.testing.assert_allclose(task.val_log_odds.numpy()[-len(later) :], expected)
    assert len(later) == 3 * 3 * PER_GROUP


def test_what_was_redeemed_changes_the_fingerprint_and_what_is_read_the_cache():
    one, other = data(), data()
    fewer = other.source.redemptions.iloc[:-1]
    other.source = dataclasses.replace(other.source, redemptions=fewer)
    assert one.split.sha256() != other.split.sha256()
    assert one._key != other._key
    assert data(rank=2)._key != one._key == data(validation=[4])._key


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"day": "tomorrow or so"}, "'tomorrow or so' is no day; write it as"),
        ({"validation": [5]}, "campaign 5 does not end before 2020-05-25; choose of 1, 2, 3, 4"),
        ({"validation": [1]}, "no campaign ended before campaign 1 started"),
        ({"day": str(day(0).date())}, "no campaign is left to train on"),
        ({"without": ["nonsense"]}, "no feature begins with 'nonsense'; known are"),
        ({"rank": 0}, "rank"),
    ],
)
def test_a_mistake_in_the_data_is_named(options, says):
    with pytest.raises(InputError, match=says):
        RedemptionTask(**SMALL).prepare(None, data(**options), None)


def test_what_a_command_cannot_do_with_redemptions_is_told(shop):
    main(["fit", "-c", "graph.yaml"])
    checkpoint = "runs/coupons-graph/a/checkpoints/best.ckpt"
    with pytest.raises(InputError, match="predicted for the campaigns of the test part alone"):
        main(["predict", "-c", "graph.yaml"])
    with pytest.raises(InputError, match="holds redemptions, which ranks nothing"):
        main(["recommend", "--ckpt", checkpoint, "--out", "items.parquet", "--trust"])
    with pytest.raises(InputError, match="no campaign is to be validated on; name some in"):
        main(["fit", "-c", "graph.yaml", "--run.id", "b", "--data.init_args.validation", "[]"])
    with pytest.raises(InputError, match="there is nothing for it to do; leave it out"):
        main(["fit", "-c", "graph.yaml", "--run.id", "b", "--optimizer", "Adam"])
