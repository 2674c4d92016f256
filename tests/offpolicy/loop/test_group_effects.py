"""Effects of groups: planted levels and rises are told apart, even where nearly everybody gets a discount."""

import numpy as np
import pandas as pd
import pytest

from graphrec.offpolicy.bandits import sigmoid
from graphrec.offpolicy.loop.group_effects import Groups, Outcomes, with_groups

ITEMS, EACH = 40, 1500


def drawn(levels, slopes, discounted, seed=0):
    """Decisions on items whose level and rise are known; odd names, in no order."""
    rng = np.random.default_rng(seed)
    item = rng.permutation(np.repeat(np.arange(ITEMS), EACH))
    level, slope = rng.normal(0.0, levels, ITEMS), rng.normal(0.0, slopes, ITEMS)
    depth = np.where(rng.random(len(item)) < discounted, rng.choice([0.1, 0.2, 0.3], len(item)), 0.0)
    step = -np.log1p(-depth)
    logit = -1.5 + level[item] + (2.0 + slope[item]) * step
    bought = (rng.random(len(item)) < sigmoid(logit)).astype(float)
    names = pd.Series([f"№ 0{code}\u200f" for code in item], name="item_id")
    return names, Outcomes(np.column_stack([np.ones(len(item)), step]), step, bought, 1), level, slope


def learnt(names, outcomes):
    groups = Groups.of(names)
    weights, effects = with_groups(outcomes, np.array([0.0, 1.0]), np.array([-1.0, 1.0]), [groups])
    order = [int(name[3:-1]) for name in groups.names]
    return weights, *(pd.Series(one, order).sort_index().to_numpy() for one in vars(effects[0]).values())


@pytest.mark.parametrize("discounted", [0.5, 0.9])
def test_items_that_rise_much_are_not_taken_for_items_that_sell_much(discounted):
    names, outcomes, _, slope = drawn(0.0, 1.5, discounted)
    weights, levels, slopes = learnt(names, outcomes)
    assert weights == pytest.approx([-1.5, 2.0 + slope.mean()], abs=0.2)
    assert np.std(levels) < 0.12, "no level was planted"
    truth = slope - slope.mean()
    assert np.corrcoef(slopes, truth)[0, 1] > 0.9
    assert 0.75 < np.std(slopes) / np.std(truth) < 1.1


@pytest.mark.parametrize("discounted", [0.5, 0.9])
def test_levels_are_not_taken_for_rises(discounted):
    names, outcomes, level, _ = drawn(0.6, 0.0, discounted, seed=1)
    _, levels, slopes = learnt(names, outcomes)
    assert np.corrcoef(levels, level)[0, 1] > 0.97
    assert np.std(slopes) < 0.35, "no rise was planted"


def test_groups_that_are_alike_have_no_effect():
    names, outcomes, _, _ = drawn(0.0, 0.0, 0.5, seed=2)
    _, levels, slopes = learnt(names, outcomes)
    assert np.abs(levels).max() < 0.1
    assert np.abs(slopes).max() < 0.35


def test_a_group_without_discounts_has_no_rise_and_a_single_group_has_finite_effects():
    names = pd.Series(["a"] * 40 + ["b"] * 40, name="user_id")
    step = np.r_[np.zeros(40), np.full(40, 0.2)]
    bought = (np.arange(80) % 4 == 0).astype(float)
    outcomes = Outcomes(np.column_stack([np.ones(80), step]), step, bought, 1)
    _, found = with_groups(outcomes, np.zeros(2), np.zeros(2), [Groups.of(names)])
    assert found[0].slopes[0] == pytest.approx(0.0, abs=1e-6)
    only = Groups.of(pd.Series(["only"] * 80, name="user_id"))
    weights, found = with_groups(outcomes, np.zeros(2), np.zeros(2), [only])
    assert np.isfinite([*weights, *found[0].levels, *found[0].slopes]).all()


def test_shares_of_weeks_count_as_so_many_weeks():
    names, outcomes, _, _ = drawn(0.4, 0.8, 0.6, seed=3)
    alone = learnt(names, outcomes)
    twice = Outcomes(outcomes.x, outcomes.step, outcomes.bought, 2)
    doubled = Outcomes(
        *(np.concatenate([one] * 2) for one in (outcomes.x, outcomes.step, outcomes.bought)), 1
    )
    both = pd.concat([names] * 2, ignore_index=True)
    for one, other in zip(learnt(names, twice), learnt(both, doubled), strict=True):
        assert one == pytest.approx(other, abs=5e-3)
    assert np.std(learnt(names, twice)[1]) > np.std(alone[1])
