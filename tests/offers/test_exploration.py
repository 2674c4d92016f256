"""Offers that chance decides: how likely each was, and that no draw crosses a limit or a budget."""

import numpy as np
import pandas as pd
import pytest
from offer_pairs import candidate_frame, pairs_with

from graphrec.errors import InputError
from graphrec.offers.budget.budgets import Budget, GroupBudget, UserCap
from graphrec.offers.candidates.table import Candidates
from graphrec.offers.decide import decide
from graphrec.offers.exploration import Exploration, explored
from graphrec.offers.levels import LEVELS, CouponLevels
from graphrec.offers.limits.exposure import Frequency
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.limits.terms import Terms
from graphrec.offers.pairs import Pairs
from graphrec.offers.policies.by_value import Knapsack
from graphrec.offers.policies.rules import LinearRate, NoDiscount
from graphrec.offers.scenario_files.read import scenario_named
from graphrec.offers.table import EXPLORED_COLUMNS, OFFER_COLUMNS, make_offers, write_offers
from graphrec.response.curves import ElasticResponse

SEEDS = 500
UNITS = scenario_named("promotion").aiming_at("units")


def some_pairs(count: int = 24, seed: int = 0) -> Pairs:
    rng = np.random.default_rng(seed)
    return pairs_with(
        count,
        response=ElasticResponse(rng.uniform(0.02, 0.3, count), rng.uniform(0.5, 3.0, count)),
        price=rng.uniform(1.0, 9.0, count),
        user=np.arange(count) // 4,
        item=np.arange(count) % 4,
        scenario=UNITS,
        guardrails=Guardrails(max_rate=rng.choice([0.1, 0.2, 0.3], count)),
    )


def budgets() -> dict[str, tuple[Pairs, Budget]]:
    pairs = some_pairs()
    halves = GroupBudget(np.arange(len(pairs)) % 2, np.array([3.0, 4.0]))
    return {
        "no budget": (pairs, Budget()),
        "a budget": (pairs, Budget(5.0)),
        "budgets of groups": (pairs, Budget(6.0, (halves,))),
        "a cap": (pairs, Budget(6.0, (), UserCap(pairs.user, 2))),
        "a challenger": (pairs, Budget(5.0)),
    }


@pytest.mark.parametrize("case", budgets())
def test_propensities_are_how_often_each_level_comes(case):
    pairs, budget = budgets()[case]
    other = ElasticResponse(pairs.response.base, 4.0 - pairs.response.elasticity)
    challenger = other if case == "a challenger" else None
    levels, told = np.zeros((SEEDS, len(pairs))), np.zeros((SEEDS, len(pairs)))
    for seed in range(SEEDS):
        found = explored(Knapsack(), pairs, budget, Exploration(0.2, seed, 0, challenger))
        levels[seed], told[seed] = found.rate, found.propensity
        spend = pairs.spend(found.rate)
        assert spend.sum() <= (np.inf if budget.total is None else budget.total)
        for family in budget.groups:
            assert (np.bincount(family.group, spend) <= family.budget).all()
        if budget.cap is not None:
            assert np.bincount(pairs.user[found.rate > 0]).max() <= 2
        assert (found.rate <= np.asarray(pairs.guardrails.max_rate) + 1e-9).all()
    seen = 0
    for pair in range(len(pairs)):
        for rate in np.unique(levels[:, pair]):
            mine = levels[:, pair] == rate
            chance = np.unique(told[mine, pair])
            assert np.ptp(chance) < 1e-9, "a level has one propensity"
            error = np.sqrt(chance[0] * (1 - chance[0]) / SEEDS) + 1e-9
            assert abs(mine.mean() - chance[0]) < 5 * error, (pair, rate)
            seen += 1
        every = [np.unique(told[levels[:, pair] == rate, pair])[0] for rate in np.unique(levels[:, pair])]
        assert sum(every) == pytest.approx(1.0, abs=0.05)  # a rare level may not have come
    assert seen > 2 * len(pairs), "something was drawn"


def test_a_share_is_drawn_and_the_rest_is_the_policys():
    pairs = some_pairs(4000)
    found = explored(Knapsack(), pairs, Budget(), Exploration(0.05))
    planned = decide(Knapsack(), pairs, Budget()).rate
    np.testing.assert_array_equal(found.planned, planned)
    drawn = np.array([reason.name == "EXPLORED" for reason in found.reasons])
    assert drawn.sum() == pytest.approx(0.05 * 4000, abs=2)
    assert (found.rate[~drawn] == planned[~drawn]).all()
    among = (np.asarray(LEVELS)[None, :] <= np.asarray(pairs.guardrails.max_rate)[:, None] + 1e-9).sum(axis=1)
    as_planned = np.isclose(found.rate, planned)
    expected = np.where(as_planned, 0.95 + 0.05 / among, 0.05 / among)
    np.testing.assert_allclose(found.propensity, expected, atol=1e-9)


def test_a_value_is_found_again_by_weights():
    """The mean over draws of a reward, weighted by propensity, is the reward of another policy."""
    pairs, budget = some_pairs(), Budget(5.0)
    worth = np.random.default_rng(1).random((len(pairs), len(LEVELS)))
    other = np.zeros(len(pairs), dtype=np.int64)
    other[::2] = 1
    rows, total = np.arange(len(pairs)), []
    for seed in range(SEEDS):
        found = explored(NoDiscount(), pairs, budget, Exploration(0.5, seed))
        level = np.searchsorted(LEVELS, found.rate - 1e-9)
        assert found.propensity is not None
        total.append(((level == other) * worth[rows, level] / found.propensity).sum())
    error = np.std(total) / SEEDS**0.5
    assert abs(np.mean(total) - worth[rows, other].sum()) < 4 * error


def test_the_same_seed_and_week_draw_the_same_and_others_do_not():
    pairs = some_pairs(200)

    def rates(seed: int, week: int) -> list[float]:
        return explored(Knapsack(), pairs, Budget(), Exploration(0.3, seed, week)).rate.tolist()

    assert rates(1, 5) == rates(1, 5)
    assert rates(1, 5) != rates(1, 6) != rates(2, 6)


def test_a_coupon_is_drawn_as_a_whole():
    pairs = some_pairs(40)
    coupon = np.arange(40) // 2
    kind = CouponLevels(coupon=coupon, product_set=np.zeros(40, dtype=np.int64))
    pairs = pairs_with(
        40, response=pairs.response, price=pairs.price, user=coupon, scenario=UNITS, levels=kind
    )
    found = explored(Knapsack(), pairs, Budget(12.0), Exploration(0.5, 3))
    assert found.propensity is not None
    for values in (found.rate, found.propensity):
        assert pd.Series(values).groupby(coupon).nunique().max() == 1
    assert pairs.spend(found.rate).sum() <= 12.0


@pytest.mark.parametrize(
    ("policy", "budget", "share", "said"),
    [
        (LinearRate(), None, 0.05, "does not choose among levels"),
        (Knapsack(), 1.0, 0.9, "half of it is left to chance"),
        (Knapsack(), 0.0, 0.05, "half of it is left to chance"),
        (Knapsack(), None, 0.0, "no share to explore"),
    ],
)
def test_what_chance_cannot_do_is_refused(policy, budget, share, said):
    with pytest.raises(InputError, match=said):
        explored(policy, some_pairs(), Budget(budget), Exploration(share))


def test_one_pair_alone_is_left_as_it_is_or_drawn():
    pairs = pairs_with(1, scenario=UNITS, guardrails=Guardrails(max_rate=0.0))
    found = explored(Knapsack(), pairs, Budget(), Exploration(0.5))
    assert found.rate.tolist() == [0.0]
    assert found.propensity is not None
    assert found.propensity.tolist() == [1.0]


def test_the_table_says_what_was_planned_and_how_likely_each_rate_was(tmp_path):
    candidates = Candidates(candidate_frame())
    terms = Terms(Frequency(max_offers=4), week=7)
    offers = make_offers(candidates, Knapsack(), UNITS, 60.0, terms=terms, exploration=Exploration(0.1))
    assert list(offers) == OFFER_COLUMNS + EXPLORED_COLUMNS
    assert offers["spend"].sum() <= 60.0
    assert offers[offers["rate"] > 0].groupby("user_id").size().max() <= 4
    drawn = offers["reason_code"] == "explored"
    assert (offers.loc[~drawn, "rate"] == offers.loc[~drawn, "planned_rate"]).all()
    assert offers["propensity"].between(0, 1, inclusive="right").all()
    assert offers["propensity"].lt(1).any()
    likely = candidates.frame["probability"] > 1e-6
    np.testing.assert_allclose(offers["slope"][likely], candidates.frame["elasticity"][likely], rtol=1e-6)
    write_offers(offers, tmp_path / "offers.parquet")
    plain = make_offers(candidates, Knapsack(), UNITS, 60.0)
    assert list(plain) == OFFER_COLUMNS
    assert (plain["propensity"] == 1).all()
