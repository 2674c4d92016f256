"""What a loop learns and judges of amounts, of coupons over sets and of offers for several weeks."""

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offpolicy.loop.foretelling import better, teach
from graphrec.offpolicy.loop.judging import judge, plan, propensities
from graphrec.offpolicy.loop.outcomes import check_numbers, joined
from graphrec.offpolicy.loop.weeks import Terms, Week, alike, check_next, terms_in

USERS, ITEMS, SHARE, WIDTH = 300, 12, 0.5, 3
UNITS = scenario_named("promotion").aiming_at("units")
GRIDS = {"percent": (0.0, 0.1, 0.3), "amount": (0.0, 0.5, 1.2), "coupon": (0.0, 0.1, 0.3)}


def truth() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logit without a discount, its rise and the price of each pair; sets hardly answer, or do."""
    rng = np.random.default_rng(0)
    base = -2.0 + rng.normal(0, 0.6, ITEMS) + rng.normal(0, 0.3, (USERS, 1))
    price = np.tile(rng.uniform(2.0, 7.0, ITEMS).round(2), USERS)
    return base.ravel(), np.tile(np.where(np.arange(ITEMS) // WIDTH % 2, 0.2, 4.0), USERS), price


def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def week(kind: str, number: int = 1, horizon: int = 1) -> Week:
    """Decisions of which half are drawn among all levels; the others are at none."""
    rng = np.random.default_rng((7, number))
    base, slope, price = truth()
    grid = np.array(GRIDS[kind])
    sets = np.arange(USERS * ITEMS) // WIDTH if kind == "coupon" else np.arange(USERS * ITEMS)
    drawn = np.where(rng.random(sets.max() + 1) < SHARE, rng.integers(3, size=sets.max() + 1), 0)[sets]
    rate = grid[drawn] / price if kind == "amount" else grid[drawn]
    chance = sigmoid(base - slope * np.log1p(-rate))
    weekly = rng.random((horizon, len(base))) < chance
    growth = 0.8  # what the ranker takes the same few to buy again
    hazard = float(horizon**growth)
    foretold = [1 - (1 - sigmoid(-2.0 - s * np.log1p(-rate))) ** hazard for s in (0.0, 1.5)]
    frame = pd.DataFrame(
        {
            "user_id": np.repeat([f"ü{one:03d}" for one in range(USERS)], ITEMS),
            "item_id": np.tile([f"{one:03d}" for one in range(ITEMS)], USERS),
            "product_set": np.tile([f"set {one // WIDTH}" for one in range(ITEMS)], USERS),
            "week": number,
            "horizon": horizon,
            "policy": "knapsack",
            "rate": rate,
            "planned_rate": 0.0,
            "propensity": np.where(drawn == 0, 1 - SHARE * 2 / 3, SHARE / 3),
            "highest_rate": 0.7,
            "margin": 0.5,
            "funded_share": 1.0,
            "worth": 0.0,
            "affinity": 0.1,
            "base_logit": -2.0,
            "slope": 1.5,
            "hazard_weeks": hazard,
            "price": price,
            "probability": foretold[0],
            "probability_at_rate": foretold[1],
            "units": weekly.sum(axis=0).astype(float),
            "reward": weekly.sum(axis=0).astype(float),
            "bought": weekly.any(axis=0),
        }
    )
    if horizon > 1:
        frame["bought_weeks"] = weekly.sum(axis=0).astype(float)
    budget = {"percent": 200.0, "amount": 200.0, "coupon": 200.0}[kind] * horizon
    return Week(frame, Terms(SHARE, GRIDS[kind], UNITS, budget, promotion=kind), number)


CASES = [("percent", 1), ("amount", 1), ("coupon", 1), ("percent", 4), ("coupon", 3)]


@pytest.mark.parametrize(("kind", "horizon"), CASES)
def test_slopes_are_learnt_and_the_judgement_is_near_to_the_truth(kind, horizon):
    weeks = [week(kind, 1 + horizon * n, horizon) for n in range(2 if horizon > 1 else 5)]
    found = judge(weeks, None)
    base, slope, price = truth()
    learnt = teach(weeks).response(weeks[0].frame)
    items = np.tile(np.arange(ITEMS), USERS)
    by_item = pd.DataFrame({"true": slope, "found": learnt.elasticity}).groupby(items).mean()
    assert np.corrcoef(by_item["true"], by_item["found"])[0, 1] > 0.95
    assert abs(by_item["true"] - by_item["found"]).mean() < 0.8
    rates = np.array(GRIDS[kind]) / (price[:, None] if kind == "amount" else 1.0)
    chance = sigmoid(base[:, None] - slope[:, None] * np.log1p(-rates))
    net = horizon * chance * (1 - found.price * rates * price[:, None])
    if kind == "coupon":
        net = net.reshape(-1, WIDTH, 3).sum(axis=1)
    net = np.tile(net, (len(weeks), 1))
    assert len(net) == len(found.serving) == len(found.candidate)
    rows = np.arange(len(net))
    true_gain = (net[rows, found.candidate] - net[rows, found.serving]).mean()
    assert abs(found.gain.value - true_gain) < 3 * found.gain.standard_error
    assert true_gain > 0
    assert found.gate.live
    planned = plan(found.learnt, weeks[-1])
    assert planned.spend[np.arange(len(planned.level)), planned.level].sum() <= weeks[-1].terms.budget
    told = better(weeks, None)
    assert told is not None
    assert told.low > 0


@pytest.mark.parametrize(("kind", "horizon"), CASES)
def test_a_decision_is_counted_once(kind, horizon):
    one = week(kind, 1, horizon)
    table = propensities(one)
    decisions = USERS * ITEMS // (WIDTH if kind == "coupon" else 1)
    assert table.shape == (decisions, 3)
    np.testing.assert_allclose(table.sum(axis=1), 1.0)
    first = np.arange(decisions) * (WIDTH if kind == "coupon" else 1)
    taken = table[np.arange(decisions), one.level]
    np.testing.assert_allclose(taken, one.frame["propensity"].to_numpy()[first])
    assert one.reward.sum() == one.frame["reward"].sum()
    spent = (one.frame["units"] * one.frame["price"] * one.frame["rate"]).sum()
    assert one.spent.sum() == pytest.approx(spent)


def test_an_amount_above_the_price_is_no_level_of_a_pair():
    one = week("amount")
    cheap = Week(one.frame.assign(price=1.0, rate=0.0), one.terms, 1)
    nothing = np.zeros((USERS * ITEMS, 3))
    assert (cheap.pooled(nothing, nothing)[2] == [True, True, False]).all()
    assert (plan(teach([one]), cheap).level < 2).all()


def test_a_coupon_with_two_rates_is_refused():
    one = week("coupon")
    frame = one.frame.copy()
    frame.loc[0, "rate"], frame.loc[1, "rate"] = 0.0, 0.1
    with pytest.raises(InputError, match="several rates"):
        _ = Week(frame, one.terms, 1).level


def test_only_what_is_alike_is_compared():
    weeks = [week("percent"), week("coupon", 2), week("percent", 3, 4), week("percent", 7)]
    assert [one.number for one in alike(weeks)] == [1, 7]
    for number, said in ((5, "was fed before"), (2, "was fed before")):
        with pytest.raises(InputError, match=said):
            check_next(number, weeks, "offers.parquet")
    check_next(8, weeks, "offers.parquet")


@pytest.mark.parametrize(
    ("column", "value"),
    [("base_logit", np.inf), ("slope", -1.0), ("price", 0.0), ("probability", 1.2), ("margin", np.nan)],
)
def test_numbers_that_no_offers_table_has_are_refused(column, value):
    frame = week("percent").frame
    check_numbers(frame, "o.parquet")
    frame.loc[3, column] = value
    with pytest.raises(InputError, match=f"column '{column}'.*is no value of {column}"):
        check_numbers(frame, "o.parquet")


@pytest.mark.parametrize("told", [{"promotion": "gift"}, {"levels": []}, {"share": 0.0}, {"scenario": {}}])
def test_terms_that_are_none_are_refused(told):
    known = week("percent").terms.written()
    broken = {**known, **told}
    with pytest.raises(InputError, match="does not tell what it was decided with"):
        terms_in({"left_to_chance": broken}, "o.parquet")
    assert terms_in({"left_to_chance": known}, "o.parquet").levels == GRIDS["percent"]


def test_what_comes_back_in_a_later_week_is_not_sold(tmp_path):
    offers = week("percent", 5, 4).frame.head(3).drop(columns=["units", "bought_weeks"]).assign(rate=0.1)
    rows = [("ü000", "000", 5, 1), ("ü000", "000", 7, -1)]  # back again
    rows += [("ü000", "001", 5, 2), ("ü000", "001", 6, 1), ("ü000", "001", 8, 1)]
    rows += [("ü000", "002", 5, 1), ("ü000", "002", 6, 1), ("ü000", "002", 8, -1)]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "week", "quantity"])
    found = joined(offers, tmp_path / "o.parquet", log, tmp_path / "l.csv").frame
    assert list(found["units"]) == [0, 4, 1]
    assert list(found["bought_weeks"]) == [0, 3, 1]
