"""What a loop learns from decisions of chance, and when its gate opens."""

import json

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offpolicy.estimators import PolicyValue
from graphrec.offpolicy.loop.drift import drift_of
from graphrec.offpolicy.loop.foretelling import better, pooled, teach
from graphrec.offpolicy.loop.judging import judge, opened, plan, propensities
from graphrec.offpolicy.loop.learned import LearnedResponse
from graphrec.offpolicy.loop.satisfaction import satisfaction
from graphrec.offpolicy.loop.serving import FILE, Serving, read_serving, write_serving
from graphrec.offpolicy.loop.weeks import Terms, Week, check_next, read_weeks, write_week

LEVELS = (0.0, 0.1, 0.2, 0.3)
STEPS = -np.log1p(-np.array(LEVELS))
USERS, ITEMS = 250, 12
UNITS = scenario_named("promotion").aiming_at("units")


def truth() -> tuple[np.ndarray, np.ndarray]:
    """Logit without a discount and its rise, of each pair: half of the items hardly answer."""
    rng = np.random.default_rng(0)
    base = -1.8 + rng.normal(0, 0.6, ITEMS) + rng.normal(0, 0.3, (USERS, 1))
    return base.ravel(), np.tile(np.where(np.arange(ITEMS) % 2, 0.2, 4.0), USERS)


def week(number: int = 1, share: float = 0.5, serving: int = 0) -> Week:
    """A week that plans nothing, and draws levels alike for half of the pairs."""
    rng = np.random.default_rng((5, number))
    base, slope = truth()
    level = np.where(rng.random(len(base)) < share, rng.integers(len(LEVELS), size=len(base)), 0)
    bought = rng.random(len(base)) < 1 / (1 + np.exp(-(base + slope * STEPS[level])))
    frame = pd.DataFrame(
        {
            "user_id": np.repeat([f"u{one}" for one in range(USERS)], ITEMS),
            "item_id": np.tile([f"{one:03d}" for one in range(ITEMS)], USERS),
            "week": number,
            "policy": "knapsack",
            "rate": np.array(LEVELS)[level],
            "planned_rate": 0.0,
            "propensity": np.where(level == 0, 1 - share * 0.75, share / 4),
            "highest_rate": 0.3,
            "margin": 0.5,
            "funded_share": 1.0,
            "worth": 0.0,
            "affinity": 0.1,
            "base_logit": -1.8,
            "slope": 1.5,
            "price": 5.0,
            "probability": 0.14,
            "probability_at_rate": 1 / (1 + np.exp(1.8 - 1.5 * STEPS[level])),
            "units": bought.astype(float),
            "reward": bought.astype(float),
            "bought": bought,
        }
    )
    return Week(frame, Terms(share, LEVELS, UNITS, 400.0, serving), number)


def test_what_is_learnt_is_near_to_the_truth():
    base, slope = truth()
    found = teach([week(number) for number in range(1, 7)]).response(week().frame)
    by_item = pd.DataFrame(
        {"item": np.tile(np.arange(ITEMS), USERS), "slope": slope, "found": found.elasticity}
    )
    by_item = by_item.groupby("item").mean()
    assert np.corrcoef(by_item["slope"], by_item["found"])[0, 1] > 0.94
    assert abs(by_item["found"] - by_item["slope"]).max() < 1.6
    assert np.corrcoef(np.log(found.base / (1 - found.base)), base)[0, 1] > 0.85


def test_without_anything_to_learn_the_served_response_stays():
    one = week()
    silent = one.frame.head(4).assign(bought=[True, False, False, False])
    found = LearnedResponse.fit(silent.assign(rate=0.0))
    curve = found.response(one.frame.head(1)).curve(LEVELS)
    assert (np.diff(curve) > 0).all()
    assert found.response(one.frame.head(1)).elasticity[0] == pytest.approx(1.5, abs=0.05)
    stranger = one.frame.head(1).assign(user_id="new", item_id="new")
    assert np.isfinite(found.response(stranger).base).all()


def test_no_curve_falls_however_strange_the_purchases_are():
    one = week()
    level = one.level
    frame = one.frame.assign(bought=level == 0)  # a discount drives everybody away
    found = LearnedResponse.fit(frame)
    assert (np.diff(found.response(frame).curve(LEVELS), axis=1) >= 0).all()


def test_the_judgement_is_near_to_the_truth_and_opens_the_gate():
    weeks = [week(number) for number in range(1, 5)]
    found = judge(weeks, None)
    base, slope = truth()
    chance = 1 / (1 + np.exp(-(base[:, None] + slope[:, None] * STEPS)))
    chance = np.tile(chance * (1 - found.price * np.array(LEVELS) * 5.0), (4, 1))
    rows = np.arange(len(chance))
    true_gain = (chance[rows, found.candidate] - chance[rows, found.serving]).mean()
    assert abs(found.gain.value - true_gain) < 3 * found.gain.standard_error
    assert true_gain > 0
    assert found.gate.live
    spend = plan(found.learnt, weeks[-1])
    chosen = spend.spend[np.arange(len(spend.level)), spend.level]
    assert chosen.sum() <= 400.0


def test_propensities_sum_to_one_and_hold_what_was_told():
    one = week()
    table = propensities(one)
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    np.testing.assert_allclose(table[np.arange(len(table)), one.level], one.frame["propensity"])


def test_what_serves_already_is_not_promoted_again():
    weeks = [week(number) for number in range(1, 4)]
    served = teach(weeks)
    found = judge(weeks, served)
    assert not found.foretold, "both have learnt from the same weeks"
    assert not found.gate.live


def test_a_better_shape_is_told_from_a_better_level():
    weeks = [week(number) for number in range(1, 5)]
    told = better(weeks, None)
    assert told is not None
    assert told.low > 0
    rule = [Week(one.frame.assign(policy="none"), one.terms, one.number) for one in weeks]
    assert better(rule, None) is None, "it decides by no response"
    assert better(weeks[:1], None) is None
    base, slope = truth()
    known = []
    for one in weeks:
        logit = base - 1.0  # right but for the level, which recalibration mends
        there = 1 / (1 + np.exp(-(logit + slope * STEPS[one.level])))
        frame = one.frame.assign(probability=1 / (1 + np.exp(-logit)), probability_at_rate=there)
        known.append(Week(frame, one.terms, one.number))
    told = better(known, None)
    assert told is not None
    assert told.low < 0


@pytest.mark.parametrize(
    ("gain", "foretells", "first", "live"),
    [
        ((0.1, 0.01), None, True, True),
        ((0.1, 0.2), None, True, False),
        ((0.1, 0.2), (0.1, 0.01), True, True),
        ((-0.1, 0.2), (0.1, 0.01), False, True),
        ((-0.5, 0.2), (0.1, 0.01), False, False),
        ((np.nan, np.nan), (0.1, 0.01), False, True),
        ((np.nan, np.nan), (0.1, 0.01), True, False),
        ((0.1, 0.2), (0.1, 0.05), False, False),
    ],
)
def test_the_gate_opens_for_more_or_for_better(gain, foretells, first, live):
    told = None if foretells is None else PolicyValue(*foretells)
    reason = "too few" if np.isnan(gain[0]) else ""
    assert opened(PolicyValue(*gain, reason), told, first).live is live


def test_weeks_that_each_say_little_say_enough_together(tmp_path):
    alone = PolicyValue(0.2, 0.1)
    assert pooled([]) is None
    assert pooled([alone]) == alone
    four = pooled([alone] * 4)
    assert four is not None
    assert (four.value, four.standard_error) == pytest.approx((0.2, 0.05))
    learnt = teach([week()])
    write_serving(Serving(1, "kept", learnt, learnt, (alone, alone)), tmp_path)
    found = read_serving(tmp_path / FILE)
    assert found.foretold == (alone, alone)
    nothing = PolicyValue(0.01, 1.0)
    assert not opened(nothing, alone).live
    assert opened(nothing, four).live


def test_what_was_foretold_before_is_judged_too():
    weeks = [week(number) for number in range(1, 4)]
    first = PolicyValue(1.0, 0.5)
    found = judge(weeks, None, teach(weeks[:-1]), (first,))
    assert found.foretold[0] == first
    assert len(found.foretold) == 2
    assert found.foretold[1] == better(weeks, None, teach(weeks[:-1]))


def test_weeks_are_kept_once_and_in_order(tmp_path):
    one, two = week(1), week(2)
    write_week(one, tmp_path)
    write_week(two, tmp_path)
    found = read_weeks(tmp_path)
    assert [own.number for own in found] == [1, 2]
    assert found[0].terms == Terms.of(json.loads(json.dumps(one.terms.written())))
    pd.testing.assert_frame_equal(found[1].frame, two.frame, check_dtype=False)
    for number, said in ((2, "was fed before"), (0, "lies before week 2")):
        with pytest.raises(InputError, match=said):
            check_next(number, found, tmp_path / "offers.parquet")


def test_what_serves_is_read_as_it_was_written(tmp_path):
    learnt = teach([week()])
    write_serving(Serving(0, "kept: too early", None, learnt), tmp_path)
    assert not list(tmp_path.glob("serving-*.json"))
    write_serving(Serving(1, "live", learnt, learnt), tmp_path)
    first = (tmp_path / "serving-0001.json").read_text()
    write_serving(Serving(1, "kept", learnt, teach([week(2)])), tmp_path)
    assert (tmp_path / "serving-0001.json").read_text() == first
    found = read_serving(tmp_path / FILE)
    assert found.response is not None
    pairs = week().frame
    np.testing.assert_array_equal(found.response.response(pairs).base, learnt.response(pairs).base)


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"version": 1}', "\u00ff"])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(InputError, match="says of no policy"):
        read_serving(tmp_path / FILE)
    with pytest.raises(InputError, match="no such file"):
        read_serving(tmp_path / "nothing.json")


def test_drift_is_told_by_rate_and_by_tenth():
    one = week()
    one = Week(one.frame.assign(probability_at_rate=0.05), one.terms, one.number)
    log = pd.DataFrame({"user_id": ["u0", "stranger"], "item_id": ["000", "001"]})
    found = drift_of(one, log)
    assert list(found.rates["rate"]) == list(LEVELS)
    assert found.rates["rows"].sum() == len(one.frame)
    by_rate = one.frame.groupby("rate")["bought"].mean()
    np.testing.assert_allclose(found.rates["observed"], by_rate)
    assert found.new_users == 0.5
    assert found.new_items == 0.0
    assert "it has drifted" in found.said


def visits(weeks: int = 9, rating: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [
        (f"u{u}", f"{i}", w)
        for w in range(1, weeks + 1)
        for u in range(60)
        for i in range(2)
        if rng.random() < 0.3
    ]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "week"]).assign(quantity=1, regular_price=4.0)
    log["price"] = 4.0 * (1 - rng.choice([0, 0.2], len(log)))
    return log.assign(rating=3 + 10 * (1 - log["price"] / 4.0)) if rating else log


def test_satisfaction_is_a_survey_or_a_proxy_or_not_known():
    assert "+1.0" in satisfaction(visits(rating=True)), "ten per cent saved are one point here"
    assert "by the proxy" in satisfaction(visits())
    assert "after 1 more" in satisfaction(visits(5)) or "after 2 more" in satisfaction(visits(4))
    assert "has no price" in satisfaction(visits().drop(columns="price"))


def test_what_is_written_is_json_without_surprises(tmp_path):
    write_serving(Serving(1, "live", teach([week()]), teach([week()])), tmp_path)
    content = json.loads((tmp_path / FILE).read_text())
    assert set(content) == {"version", "policy", "reason", "response", "challenger", "foretold"}
