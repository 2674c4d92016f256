"""`graphrec experiment` and `graphrec policy` as their user meets them: printed lines, files, pages."""

import json
import stat

import numpy as np
import pandas as pd
import pytest

from graphrec.cli.main import main
from graphrec.errors import InputError


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """An experiment with a planted lift of 1.5 in spend, of people with Chinese arms and ids like 007."""
    rng = np.random.default_rng(0)
    n = 4000
    before, offered = rng.gamma(2, 10, n), rng.random(n) < 0.5
    frame = pd.DataFrame(
        {
            "kunde": [f"00{number}" for number in range(n)],
            "gruppe": np.where(offered, "优惠 <b>", "对照"),
            "spend": 0.8 * before + rng.gamma(1, 5, n) + 1.5 * offered,
            "before": np.where(rng.random(n) < 0.1, np.nan, before),
            "city": rng.choice(["Zürich", "北京"], n),
            "survey": np.where(rng.random(n) < 0.3, 4.0, np.nan),
        }
    )
    file = tmp_path_factory.mktemp("experiment") / "outcomes.csv"
    frame.to_csv(file, index=False)
    return file


NAMES = ["--columns", "user_id=kunde", "arm=gruppe"]


def test_an_experiment_is_printed_and_written(outcomes, tmp_path, capfd):
    words = ["experiment", "analyse", "--log", str(outcomes), *NAMES, "--measures", "spend"]
    words += ["--ratings", "survey", "--before", "spend=before", "--segments", "city"]
    table = main([*words, "--out", str(tmp_path / "out")])
    told = capfd.readouterr()
    first = table.iloc[0]
    assert first["low"] < 1.5 < first["high"]
    assert first["explained"] > 0.5
    assert "p of these against the planned shares" in told.out
    assert "survey: who has no value is left out" in told.err
    assert "without before count as 0 before" in told.err
    assert len(table) == 2 * 3
    again = pd.read_csv(tmp_path / "out" / "differences.csv")
    assert again["value"].tolist() == pytest.approx(table["value"].tolist())
    page = (tmp_path / "out" / "experiment.html").read_text()
    assert "优惠 &lt;b&gt;" in page
    assert "<b>" not in page
    assert "Do not trust" not in page
    main([*words, "--shares", "优惠 <b>=0.6", "对照=0.4", "--out", str(tmp_path / "lost")])
    assert "people were lost between the draw and the log" in capfd.readouterr().err
    assert "Do not trust" in (tmp_path / "lost" / "experiment.html").read_text()


def test_rows_of_a_person_are_summed_and_a_person_in_two_arms_is_named(tmp_path):
    rows = pd.DataFrame(
        {"user_id": ["a", "b", "c", "d"] * 2, "arm": ["none", "offer"] * 4, "spend": np.arange(8.0)}
    )
    rows.to_csv(tmp_path / "rows.csv", index=False)
    words = ["experiment", "analyse", "--measures", "spend", "--log"]
    table = main([*words, str(tmp_path / "rows.csv")])
    assert table["value"].tolist() == [((1 + 5) + (3 + 7)) / 2 - ((0 + 4) + (2 + 6)) / 2]
    rows.loc[7, "arm"] = "none"
    rows.to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(InputError, match=r"two\.csv, row 9, column 'arm': 'd' is in two arms"):
        main([*words, str(tmp_path / "two.csv")])


def test_people_are_assigned_once_and_can_be_told_again(outcomes, tmp_path, capfd):
    people = pd.read_csv(outcomes, dtype={"kunde": str})[["kunde", "city"]]
    people.to_csv(tmp_path / "people.csv", index=False)
    words = ["experiment", "plan", "--baseline", "0.1", "--lift", "20%", "--columns", "user_id=kunde"]
    words += ["--users", str(tmp_path / "people.csv"), "--arms", "2", "--out", str(tmp_path / "plan")]
    plan = main(words)
    first = pd.read_csv(tmp_path / "plan" / "assignment.csv", dtype={"user_id": str})
    assert first["user_id"].tolist() == people["kunde"].tolist()
    assert first["arm"].value_counts(normalize=True).to_dict() == pytest.approx(
        dict.fromkeys(["control", "offer_1", "offer_2"], 1 / 3), abs=0.03
    )
    assert stat.S_IMODE((tmp_path / "plan" / "salt").stat().st_mode) == 0o600
    assert json.loads((tmp_path / "plan" / "plan.json").read_text())["people"] == plan.people
    assert f"the plan asks for {plan.people:,}" in capfd.readouterr().out
    main(words)
    again = pd.read_csv(tmp_path / "plan" / "assignment.csv", dtype={"user_id": str})
    assert again.equals(first)
    main([*words, "--stratify", "city"])
    within = pd.read_csv(tmp_path / "plan" / "assignment.csv").groupby("stratum")["arm"].value_counts()
    assert within.groupby("stratum").agg(lambda counts: counts.max() - counts.min()).max() <= 1


def test_policies_are_judged_and_written(tmp_path, capfd):
    rng = np.random.default_rng(1)
    n = 3000
    young, drawn = rng.random(n) < 0.5, rng.random(n) < 0.5
    bought = rng.random(n) < 0.1 + 0.4 * (young & drawn)
    frame = pd.DataFrame({"arm": np.where(drawn, "10 %", "none"), "reward": 10.0 * bought})
    frame = frame.assign(cost=np.where(drawn, 1.0, 0.0), age=np.where(young, "<i>young</i>", "old"))
    frame.to_csv(tmp_path / "log.csv", index=False)
    words = ["policy", "evaluate", "--log", str(tmp_path / "log.csv"), "--randomised", "--facts", "age"]
    values = main([*words, "--out", str(tmp_path / "out")])
    told = capfd.readouterr()
    assert "arms: 10 % " in told.err
    assert "personal: live: worth at least" in told.out
    assert "Qini" in told.out
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert files == {"values.csv", "support.csv", "curves.csv", "tenths.csv", "policy.html"}
    assert pd.read_csv(tmp_path / "out" / "values.csv")["value"].tolist() == pytest.approx(
        values["value"].tolist()
    )
    page = (tmp_path / "out" / "policy.html").read_text()
    assert page.count("<svg") == 3
    main([word for word in words if word != "--randomised"])
    told = capfd.readouterr()
    assert "say --randomised" in told.err
    assert "propensities are unknown" in told.out.replace("\n", " ") or "–" in told.out


ANALYSE = ["experiment", "analyse", "--control", "none", "--measures"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["spend", "spend"], "'spend' is named twice"),
        (["spend", "--ratings", "spend"], "'spend' is named twice"),
        (["spend", "--before", "spend=spend"], "is a measure of the experiment itself"),
        (["spend", "--any_time", "0"], "--any_time"),
        (["endless"], "row 3, column 'endless': 'inf' is not a finite number"),
    ],
)
def test_what_cannot_be_analysed_is_one_line(words, said, tmp_path):
    rows = pd.DataFrame({"user_id": list("abcd"), "arm": ["none", "offer"] * 2, "spend": [1.0, 2, 3, 4]})
    rows.assign(endless=[1, "inf", 2, 3]).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(InputError, match=said):
        main([*ANALYSE, *words, "--log", str(tmp_path / "rows.csv")])


def test_levels_that_cannot_be_compared_are_told_and_a_missing_one_has_a_name(tmp_path, capfd):
    rows = pd.DataFrame({"user_id": range(40), "arm": ["none", "offer"] * 20, "spend": np.arange(40.0)})
    rows["city"] = ["Bern"] * 20 + [None] * 20
    rows["key"] = range(40)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    table = main([*ANALYSE, "spend", "--segments", "city", "key", "--log", str(tmp_path / "rows.csv")])
    assert table["level"].tolist() == ["everybody", "Bern", "unknown"]
    assert "key: 40 of its 40 levels have an arm with fewer than two people" in capfd.readouterr().err


@pytest.mark.parametrize("lift", ["10", "0.1", "ten%", "10%x", "nan%"])
def test_a_lift_is_written_in_per_cent(lift):
    with pytest.raises(InputError, match="write 10%"):
        main(["experiment", "plan", "--baseline", "0.1", "--lift", lift])


def test_people_without_a_stratum_are_one_of_their_own(tmp_path):
    people = pd.DataFrame({"user_id": range(40), "city": ["Bern", None] * 20})
    people.to_csv(tmp_path / "people.csv", index=False)
    words = ["--users", str(tmp_path / "people.csv"), "--stratify", "city", "--out", str(tmp_path / "out")]
    main(["experiment", "plan", "--baseline", "0.1", "--effect", "0.2", *words])
    strata = pd.read_csv(tmp_path / "out" / "assignment.csv")["stratum"]
    assert strata.value_counts().to_dict() == {"Bern": 20, "unknown": 20}


@pytest.mark.parametrize("fact", ["reward", "arm", "cost", "propensity", "user_id"])
def test_what_came_with_the_decision_is_no_fact(fact, tmp_path):
    log = pd.DataFrame({"user_id": range(20), "arm": ["a", "b"] * 10, "reward": 1.0, "cost": 0.0})
    log.assign(propensity=0.5).to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(InputError, match=f"'{fact}' is of the decision and no fact before it"):
        main(["policy", "evaluate", "--log", str(tmp_path / "log.csv"), "--facts", fact])


def test_no_result_is_written_over_what_is_read(outcomes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = outcomes.read_bytes()
    for name in ("differences.csv", "plain.csv"):
        (tmp_path / name).write_bytes(content)
    words = ["experiment", "analyse", *NAMES, "--measures", "spend", "--control", "对照"]
    with pytest.raises(InputError, match=r"differences.csv.*this file is read here"):
        main([*words, "--log", "differences.csv", "--out", "."])
    with pytest.raises(InputError, match=r"plain.csv.*this file is read here"):
        main([*words, "--log", "plain.csv", "--out", "plain.csv"])
    sized = ["experiment", "plan", "--baseline", "0.1", "--effect", "0.02", "--columns", "user_id=kunde"]
    (tmp_path / "assignment.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"assignment.csv.*this file is read here"):
        main([*sized, "--users", "assignment.csv", "--out", "."])
    assert (tmp_path / "differences.csv").read_bytes() == content
    assert (tmp_path / "assignment.csv").read_bytes() == content
