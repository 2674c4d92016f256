"""A log of decisions as people write it, and what policies are worth by it."""

import numpy as np
import pandas as pd
import pytest

from graphrec.data.tables.read import load_table
from graphrec.errors import InputError
from graphrec.offpolicy.decision_log import decision_log, untreated
from graphrec.offpolicy.judged import PERSONAL, judge, sort_people


def written(tmp_path, frame, **columns):
    frame.to_csv(tmp_path / "log.csv", index=False)
    return load_table(tmp_path / "log.csv", columns, kind="decisions")


def shop(n=6000, seed=0):
    """A coupon of 20 % pays for the young, none for the old; who got which was drawn unevenly."""
    rng = np.random.default_rng(seed)
    young = rng.random(n) < 0.5
    chance = np.where(young, 0.7, 0.2)
    treated = rng.random(n) < chance
    reward = rng.random(n) < 0.1 + 0.3 * (treated & young)
    return pd.DataFrame(
        {
            "kunde": [f"{number:04d}" for number in rng.integers(0, n // 2, n)],
            "rate": np.where(treated, 0.2, 0.0),
            "umsatz": 10.0 * reward,
            "cost": np.where(treated, 1.0, 0.0),
            "propensity": np.where(treated, chance, 1 - chance),
            "alter": np.where(young, "jung", "alt"),
            "rule": np.where(young, 0.2, 0),
            "after": reward.astype(int),
        }
    )


def test_values_are_the_planted_ones(tmp_path):
    table = written(tmp_path, shop(40_000), user_id="kunde", arm="rate", reward="umsatz")
    log = decision_log(table, facts=["alter"], policies=["rule"])
    assert log.arms == ("0", "0.2")
    assert log.control(None) == 0
    judged = judge(log)
    dr = judged.values[judged.values["estimator"] == "dr"].set_index("policy")
    truth = {"0 for all": 1.0, "0.2 for all": 1.5, "rule": 2.0, PERSONAL: 2.0}
    for policy, value in truth.items():
        assert dr.loc[policy, "low"] < value < dr.loc[policy, "high"], policy
    assert judged.gates["rule"].live
    assert not judged.gates["0 for all"].live
    # every estimator against its formula, written again
    weight = np.where(table.frame["rule"] == table.frame["arm"], 1 / table.frame["propensity"], 0.0)
    net = table.frame["reward"] - table.frame["cost"]
    values = judged.values[judged.values["policy"] == "rule"].set_index("estimator")["value"]
    assert values["ips"] == pytest.approx((weight * net).mean(), abs=1e-12)
    assert values["snips"] == pytest.approx((weight * net).sum() / weight.sum(), abs=1e-12)


def test_intervals_are_over_people_not_rows(tmp_path):
    frame = shop(3000)
    copied = pd.concat([frame.assign(kunde=range(3000))] * 9)
    rows = judge(decision_log(written(tmp_path, copied.drop(columns="kunde"), arm="rate", reward="umsatz")))
    people = judge(decision_log(written(tmp_path, copied, user_id="kunde", arm="rate", reward="umsatz")))
    width = {
        name: (one.values["high"] - one.values["low"]).iloc[2] for name, one in (("r", rows), ("p", people))
    }
    assert width["p"] == pytest.approx(3 * width["r"], rel=0.02)


def test_people_are_sorted_by_what_the_arm_adds(tmp_path):
    table = written(tmp_path, shop(), user_id="kunde", arm="rate", reward="umsatz")
    (by_facts,) = sort_people(decision_log(table, facts=["alter"]), control=0)
    assert by_facts.arm == "0.2"
    assert by_facts.profit.figures["qini_low"] > 0
    assert by_facts.tenths["people"].sum() == 6000
    (by_score,) = sort_people(decision_log(table, score="rule"), control=0)
    assert by_score.uplift.figures["qini_low"] > 0
    assert by_score.tenths is None


def test_a_log_without_propensities_is_answered_by_its_model_alone(tmp_path):
    table = written(tmp_path, shop().drop(columns="propensity"), arm="rate", reward="umsatz")
    values = judge(decision_log(table)).values.set_index(["policy", "estimator"])
    assert np.isfinite(values.loc[("0 for all", "dm"), "value"])
    assert values.loc[("0 for all", "dr"), "reason"].startswith("propensities are unknown")
    drawn = decision_log(table, randomised=True).decisions.propensity
    assert drawn[0].tolist() == [(table.frame["arm"] == arm).mean() for arm in (0.0, 0.2)]


def test_columns_of_all_propensities_are_taken_and_one_is_shared_out(tmp_path):
    three = pd.DataFrame({"arm": ["a", "b", "c"] * 10, "reward": 1.0, "propensity": 0.5})
    log = decision_log(written(tmp_path, three))
    assert log.spread_evenly
    assert log.decisions.propensity[0].tolist() == [0.5, 0.25, 0.25]
    whole = three.drop(columns="propensity").assign(propensity_a=0.2, propensity_b=0.3, propensity_c=0.5)
    log = decision_log(written(tmp_path, whole))
    assert not log.spread_evenly
    assert log.decisions.propensity[0].tolist() == [0.2, 0.3, 0.5]


@pytest.mark.parametrize(
    ("change", "given", "said"),
    [
        ({"reward": ["1", "two", "3", "4"]}, {}, "row 3, column .reward.: 'two' is not a number"),
        ({"reward": ["1", "", "3", "4"]}, {}, "row 3, column .reward.: the value is missing"),
        ({"propensity": [0.5, 0.5, 0, 0.5]}, {}, "row 4, column .propensity.: .* is not above 0"),
        ({"propensity": [0.5, 0.5, 1.5, 0.5]}, {}, "row 4, column .propensity.: .* is not above 0"),
        ({"arm": ["a"] * 4}, {}, "2 to 50 arms and this one has 1"),
        (
            {"new": ["a", "b", "z", "a"]},
            {"policies": ["new"]},
            "row 4, column .new.: 'z' is no arm of the log",
        ),
        ({"new": ["a", "", "b", "a"]}, {"policies": ["new"]}, "row 3, column .new.: names no arm"),
        ({"points": ["1", "2", "x", "4"]}, {"score": "points"}, "row 4, column .points.: is not a number"),
        ({}, {"facts": ["agee"]}, "agee.: the log has no such column"),
        ({"propensity": 0.5}, {"randomised": True}, "the log says how likely each arm was"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, given, said):
    frame = pd.DataFrame({"arm": ["a", "b"] * 2, "reward": ["1", "2", "3", "4"], "age": 1}).assign(**change)
    with pytest.raises(InputError, match=said):
        decision_log(written(tmp_path, frame), **given)


@pytest.mark.parametrize(
    ("arms", "found"),
    [
        (["No E-Mail", "Mens E-Mail"], "No E-Mail"),
        (["control", "offer"], "control"),
        (["0", "0.2"], "0"),
        (["north", "south"], None),
        (["none", "no"], None),
        (["对照", "优惠"], "对照"),
    ],
)
def test_the_arm_without_a_treatment_is_known_by_its_name(arms, found):
    assert untreated(arms) == found


def test_an_arm_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="there is no arm 'z'; the log has a, b"):
        untreated(["a", "b"], "z")
