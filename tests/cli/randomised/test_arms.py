"""The arms of an experiment given to the people whom they move, on people whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.offers.budget.knapsack import allocate

ARMS = ("keine", "SMS", "Brief 10 %", "letter, 20%")
CONTACT = np.array([0.0, 0.2, 0.9, 1.5])
CITIES = ("Köln", "北京", "NA", "a;b")
FACTS = ["--facts", "Alter", "city", "visits"]


def people(count: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Facts, and what each arm truly brings before costs. ``[n, 4]``."""
    rng = np.random.default_rng(seed)
    age, city, visits = rng.uniform(18, 80, count).round(), rng.integers(4, size=count), rng.poisson(3, count)
    base = 2.0 + 0.5 * visits
    young, old = (age < 45).astype(float), (age >= 45).astype(float)
    added = np.stack([0 * age, 1.2 * young, 2.5 * old * (city < 2), 0.8 * visits * (city == 3)], axis=1)
    frame = pd.DataFrame({"user_id": [f"{seed}0{one}é" for one in range(count)]})
    frame = frame.assign(Alter=age, city=np.array(CITIES)[city], visits=visits)
    frame.loc[rng.random(count) < 0.03, "visits"] = np.nan
    return frame, base[:, None] + added


def experiment(count: int = 12_000, seed: int = 1) -> None:
    """A log of an experiment whose shares are uneven, and of new people, in the current folder."""
    rng = np.random.default_rng((seed, 7))
    frame, worth = people(count, seed)
    arm = rng.choice(4, count, p=[0.4, 0.3, 0.2, 0.1])
    reward = worth[np.arange(count), arm] + rng.normal(0, 2.0, count)
    frame = frame.assign(arm=np.array(ARMS)[arm], reward=reward.round(3), later=reward)
    frame.to_csv("log.csv", index=False)
    people(3_000, 2)[0].to_csv("people.csv", index=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arms")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        experiment()
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    monkeypatch.chdir(place)


COST = ["--cost", *(f"{arm}={cost}" for arm, cost in zip(ARMS[1:], CONTACT[1:], strict=True))]


def decided(*words: str) -> pd.DataFrame:
    given = ["policy", "decide", "--log", "log.csv", "--out", "arms.csv", *FACTS, "--control", "keine"]
    main([*given, *words])
    return pd.read_csv("arms.csv", dtype={"user_id": "str"}, keep_default_na=False)


def net_of(seed: int, count: int) -> np.ndarray:
    worth = people(count, seed)[1]
    return worth - worth[:, :1] - CONTACT


def codes(arms: pd.Series) -> np.ndarray:
    return pd.Index(ARMS).get_indexer(arms)


@pytest.mark.parametrize(
    "learner", ["t", *(pytest.param(one, marks=pytest.mark.slow) for one in ("dr", "x"))]
)
def test_new_people_get_the_arms_that_move_them(learner, capsys):
    found = decided(
        "--randomised", *COST, "--users", "people.csv", "--model", "boosting", "--learner", learner
    )
    net = net_of(2, 3_000)
    assert list(found["user_id"]) == list(people(3_000, 2)[0]["user_id"])
    gained = net[np.arange(3_000), codes(found["arm"])].sum()
    best = net.max(axis=1).sum()
    assert gained > 0.85 * best
    assert gained > net.sum(axis=0).max() * 1.3, "and much more than one arm for all"
    assert (found["propensity"] == 1).all()
    np.testing.assert_allclose(found["spend"], CONTACT[codes(found["arm"])], atol=1e-9)
    told = capsys.readouterr()
    assert "by DR: personal" in told.out
    assert "not surely better" not in told.err


def test_a_budget_goes_to_those_for_whom_it_does_most():
    words = ["--randomised", *COST, "--users", "people.csv", "--model", "boosting", "--budget", "800"]
    found = decided(*words)
    assert found["spend"].sum() <= 800
    assert found["spend"].sum() > 790
    net, cost = net_of(2, 3_000), np.tile(CONTACT, (3_000, 1))
    best = allocate(net, cost, 800.0).value
    assert net[np.arange(3_000), codes(found["arm"])].sum() > 0.85 * best
    assert set(found["reason"]) == {"best_arm", "budget", "no_arm_pays"}


def test_chance_keeps_to_the_budget_and_says_how_likely_it_was():
    words = ["--randomised", *COST, "--users", "people.csv", "--budget", "1200", "--explore", "0.2"]
    found, again = decided(*words), decided(*words, "--explore_seed", "5")
    assert found["spend"].sum() <= 1200
    drawn = found["reason"] == "explored"
    assert 0.17 < drawn.mean() < 0.23
    kept = found["arm"] == found["planned_arm"]
    assert (found.loc[~kept, "propensity"] < 0.2).all()
    assert (found.loc[kept, "propensity"] > 0.5).all()
    assert (found["arm"] != again["arm"]).any()
    assert (found["planned_arm"] == again["planned_arm"]).all()
    # the value of no arm for anybody, from the drawn decisions alone
    net = net_of(2, 3_000) + CONTACT
    reward = net[np.arange(3_000), codes(found["arm"])]
    weight = (found["arm"] == ARMS[1]) / found["propensity"]
    assert (weight * reward).sum() / weight.sum() == pytest.approx(net[:, 1].mean(), rel=0.35)


@pytest.mark.slow
def test_people_of_the_log_are_foretold_by_others_and_costs_of_the_log_count():
    log = pd.read_csv("log.csv", keep_default_na=False)
    place = codes(log["arm"])
    log.assign(cost=CONTACT[place], propensity=np.array([0.4, 0.3, 0.2, 0.1])[place]).to_csv(
        "c.csv", index=False
    )
    found = decided("--log", "c.csv", "--model", "boosting")
    assert len(found) == len(log)
    net = net_of(1, len(log))
    assert net[np.arange(len(log)), codes(found["arm"])].sum() > 0.85 * net.max(axis=1).sum()
    given = found["arm"] != ARMS[0]
    assert found.loc[given, "spend"].sum() == pytest.approx(CONTACT[codes(found["arm"])].sum(), rel=0.02)
    with pytest.raises(InputError, match="the log says what each decision cost"):
        decided("--log", "c.csv", "--cost", "SMS=1")


def test_an_experiment_without_an_effect_says_so(capsys):
    log = pd.read_csv("log.csv", keep_default_na=False)
    log.assign(reward=np.random.default_rng(0).normal(0, 1, len(log))).to_csv("nothing.csv", index=False)
    decided("--log", "nothing.csv", "--randomised", *COST)
    assert "the personal arms are not surely better than keine for all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "how likely each arm was"),
        (["--randomised", "--control", "none"], "there is no arm 'none'"),
        (["--randomised", "--cost", "SMS"], "'SMS' is no cost"),
        (["--randomised", "--cost", "SMS=1", "SMS=2"], "'SMS' is named twice"),
        (["--randomised", "--cost", "Brief=1"], "there is no arm 'Brief'"),
        (["--randomised", "--budget", "-1"], "is no budget"),
        (["--randomised", "--explore", "1"], "is no share"),
        (["--randomised", "--explore_seed", "1"], "draws nothing"),
        (["--randomised", "--budget", "1", "--explore", "0.9"], "no more than half of it is left to chance"),
        (["--randomised", "--score", "Alter"], "`policy decide` has no use for it"),
        (["--randomised", "--users", "bare.csv"], "column 'Alter': this fact is missing"),
        (["--randomised", "--users", "words.csv"], "is text here and a number in the log"),
        (["--log", "few.csv", "--randomised"], "has 3 people, and 20 are needed"),
    ],
)
def test_mistakes_are_one_line(words, said):
    users, log = people(5, 9)[0], pd.read_csv("log.csv", keep_default_na=False)
    users.drop(columns="Alter").to_csv("bare.csv", index=False)
    users.assign(Alter="alt").to_csv("words.csv", index=False)
    few = log[log["arm"] == "SMS"].head(3)
    pd.concat([log[log["arm"] != "SMS"], few]).to_csv("few.csv", index=False)
    with pytest.raises(InputError, match=said):
        decided(*words, *(COST if "--cost" not in words and "--budget" in words else []))
    assert not Path("none.csv").exists()


def test_offers_lead_to_it():
    words = ["offers", "--ckpt", "x.ckpt", "--out", "o.csv", "--policy", "uplift=arms.csv"]
    with pytest.raises(InputError, match="arms of an experiment are of people, not of items"):
        main(words)
    with pytest.raises(InputError, match="`policy evaluate` has no use for it"):
        main(["policy", "evaluate", "--log", "log.csv", "--budget", "4"])
