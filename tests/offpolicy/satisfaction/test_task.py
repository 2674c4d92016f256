"""Satisfaction under the commands, on logs in which savings bring people back, or do not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from graphrec.cli.main import main
from graphrec.data.sources import table
from graphrec.errors import InputError
from graphrec.offpolicy.return_visits import FEATURES, LABEL, label_returns, weekly_visits
from graphrec.offpolicy.satisfaction.data import SatisfactionData
from graphrec.offpolicy.satisfaction.survey import SurveyTable
from graphrec.offpolicy.satisfaction.task import SatisfactionTask

SHIPPED = Path(__file__).parents[3] / "experiments" / "complete_journey" / "satisfaction.yaml"
QUIET = {"enable_progress_bar": False, "enable_model_summary": False}


def receipts(effect: float, seed: int = 0, users: int = 400, weeks: int = 50) -> pd.DataFrame:
    """Half come often, half seldom; a saving of 40 % brings people back the sooner by some factor."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        habit, week = (0.5 if user % 2 else 0.15), 1
        while week <= weeks:
            saved = 0.4 * float(rng.random() < 0.5)
            full = float(rng.lognormal(2.0, 1.0))
            rows.append((f"{user:03d}", f"i{rng.integers(30)}", week, 1, full, full * (1 - saved)))
            week += int(rng.geometric(min(habit * (effect if saved else 1 / effect), 0.95)))
    columns = ["user_id", "item_id", "week", "quantity", "regular_price", "price"]
    return pd.DataFrame(rows, columns=columns)


def config(**data) -> dict:
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "log.csv"}}
    return {
        "run": {"name": "s", "id": "a"},
        "trainer": {"max_epochs": 1, **QUIET},
        "data": {"class_path": "SatisfactionData", "init_args": {"source": source, **data}},
        "model": {"class_path": "SatisfactionTask", "init_args": {}},
    }


def run_of(more: list[str] | None = None, **data) -> tuple[dict, pd.DataFrame]:
    """Fit and test through the commands, in the current folder."""
    Path("s.yaml").write_text(yaml.safe_dump(config(**data)))
    main(["fit", "-c", "s.yaml", *(more or [])])
    main(["test", "-c", "s.yaml", *(more or []), "--ckpt_path", "runs/s/a/checkpoints/best.ckpt"])
    (metrics,), (visits,) = (
        list(Path("runs/s").rglob(f"test_{name}")) for name in ("metrics.json", "visits.parquet")
    )
    return json.loads(metrics.read_text()), pd.read_parquet(visits)


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_a_fit_finds_who_returns_and_that_savings_go_with_it(kind, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    receipts(effect=1.8).to_csv("log.csv", index=False)
    metrics, visits = run_of(["--model.init_args.kind", kind])
    said = " ".join(capfd.readouterr().out.split())
    assert metrics["saving_holds"]
    assert metrics["saving_gain"] > 0.03
    assert 0 < metrics["saving_low"] < metrics["saving_later"] < metrics["saving_high"]
    assert "this holds and may count in the retention scenario" in said
    assert "no proof of an effect" in said
    assert metrics["test_auc"] == pytest.approx(roc_auc_score(visits["satisfied"], visits["probability"]))
    assert metrics["test_auc"] > 0.7
    assert metrics["test_auc_low"] < metrics["test_auc"] < metrics["test_auc_high"]
    assert visits["probability"].mean() == pytest.approx(visits["satisfied"].mean(), abs=0.06)


def test_a_saving_without_a_say_does_not_hold(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    receipts(effect=1.0, seed=4).to_csv("log.csv", index=False)
    metrics, _ = run_of()
    assert not metrics["saving_holds"]
    assert "does not hold and must not count" in " ".join(capfd.readouterr().out.split())


def test_the_line_is_that_of_scikit_learn_on_the_same_visits(tmp_path):
    """Parts and features by hand; the chosen penalty is one of those asked for."""
    receipts(effect=1.8).to_csv(tmp_path / "log.csv", index=False)
    raw = table(str(tmp_path / "log.csv"))
    data = SatisfactionData(raw, 30, 38, 50)
    task = SatisfactionTask(strengths=[0.1])
    task.prepare(None, data, None)
    labelled = label_returns(weekly_visits(raw.log), 50)
    train, later, test = (labelled[labelled["week"].between(*w)] for w in ((5, 30), (34, 38), (42, 46)))
    scaler = StandardScaler().fit(train[list(FEATURES)])
    model = LogisticRegression(C=0.1, max_iter=1000).fit(
        scaler.transform(train[list(FEATURES)]), train[LABEL]
    )
    line, _ = task.fitted()
    assert line.coefficients == pytest.approx(model.coef_[0], abs=1e-3)
    assert len(data.split.test) == len(test)
    score = model.decision_function(scaler.transform(later[list(FEATURES)]))[:, None]
    platt = LogisticRegression(C=1e9, max_iter=1000).fit(score, later[LABEL])
    at = model.decision_function(scaler.transform(test[list(FEATURES)]))[:, None]
    assert line.probability(data.split.test) == pytest.approx(platt.predict_proba(at)[:, 1], abs=2e-3)
    again = SatisfactionTask()
    again.prepare(None, data, task.state_dict())
    assert torch.equal(again.line, task.line)


def test_a_survey_takes_the_place_of_the_proxy(tmp_path, monkeypatch, capfd):
    """Answers that rise with the saving of the visit; every third visit was asked about."""
    monkeypatch.chdir(tmp_path)
    log = receipts(effect=1.0, seed=1)
    log.to_csv("log.csv", index=False)
    asked = log.drop_duplicates(["user_id", "week"]).iloc[::3]
    rng = np.random.default_rng(0)
    answer = (
        (2 + 4 * (1 - asked["price"] / asked["regular_price"]) + rng.normal(0, 1, len(asked)))
        .round()
        .clip(1, 5)
    )
    survey = asked[["user_id", "week"]].assign(Note=answer)
    survey.loc[len(log)] = ["000", 999, 5]
    survey.to_csv("survey.csv", index=False, sep=";")
    given = {"path": "survey.csv", "satisfied_from": 4, "columns": {"satisfaction": "Note"}, "delimiter": ";"}
    metrics, visits = run_of(survey=given)
    said = capfd.readouterr()
    assert metrics["saving_holds"]
    assert "satisfied by the survey" in said.err
    assert "1 of " in said.err
    mine = visits.merge(survey.astype({"week": "int64"}), on=["user_id", "week"])
    assert len(mine) == len(visits)
    assert ((mine["Note"] >= 4) == mine["satisfied"]).all()


def test_mistakes_are_named(tmp_path):
    log = receipts(effect=1.0)
    log.to_csv(tmp_path / "log.csv", index=False)
    raw = table(str(tmp_path / "log.csv"))
    with pytest.raises(InputError, match=r"weeks are out of order.*the ends are 30, 33 and 50"):
        SatisfactionData(raw, 30, 33)
    with pytest.raises(InputError, match="no penalty"):
        SatisfactionTask(strengths=[])
    log.drop(columns=["week"]).to_csv(tmp_path / "bare.csv", index=False)
    with pytest.raises(InputError, match="column 'week': visits need weeks"):
        SatisfactionData(table(str(tmp_path / "bare.csv")))
    one = tmp_path / "survey.csv"
    pd.DataFrame({"user_id": ["001"] * 2, "week": [1] * 2, "satisfaction": [4, 5]}).to_csv(one, index=False)
    with pytest.raises(InputError, match="row 3: 001 has two answers for week 1"):
        _ = SatisfactionData(raw, survey=SurveyTable(str(one), 4)).split
    always = table(str(tmp_path / "log.csv"))
    always.log["week"] = np.arange(len(always.log)) % 50 + 1
    always.log["user_id"] = "u"
    with pytest.raises(InputError, match="visits hold only one outcome"):
        _ = SatisfactionData(always).split


def test_the_shipped_experiment_goes_through_one_batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = yaml.safe_load(SHIPPED.read_text())
    made_up = {"num_users": 80, "num_items": 30, "weeks": 52, "density": 0.5, "seed": 1}
    source = {"class_path": "graphrec.data.sources.synthetic", "init_args": made_up}
    shipped["data"]["init_args"]["source"] = source
    shipped["trainer"] |= {"fast_dev_run": True, **QUIET}
    Path("c.yaml").write_text(yaml.safe_dump(shipped))
    cli = main(["fit", "-c", "c.yaml"])
    assert 0 < float(cli.trainer.callback_metrics["val_likelihood"]) < 1
    assert [path.name for path in tmp_path.iterdir()] == ["c.yaml"], "a trial run writes nothing"
