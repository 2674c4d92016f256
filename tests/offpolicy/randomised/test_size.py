"""Sizes of experiments against published tables and against drawn experiments."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, ttest_ind

from graphrec.errors import InputError
from graphrec.offpolicy.randomised.size import Measure, Plan, effect_for, people_for, power_of


def test_people_for_a_mean_are_those_of_the_text_book():
    # 16 sd² / effect² is the rule of thumb for power 0.8; 15.7 exactly
    found = people_for(Plan(Measure(100.0, 20.0), effect=5.0, power=0.8))
    assert found.control == 252
    assert found.treated == found.control
    assert found.people == 2 * found.control
    assert found.control == np.ceil((norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * 2 * 400 / 25)


@pytest.mark.parametrize("arms", [1, 3])
@pytest.mark.parametrize("ratio", [1.0, 4.0])
@pytest.mark.parametrize("explained", [0.0, 0.5])
@pytest.mark.parametrize("measure", [Measure(0.05), Measure(30.0, 45.0)])
def test_people_power_and_effect_follow_from_each_other(arms, ratio, explained, measure):
    effect = measure.mean * 0.1
    asked = Plan(measure, effect, 0.8, arms=arms, ratio=ratio, explained=explained)
    found = people_for(asked)
    assert power_of(found).power == pytest.approx(0.8, abs=2e-3)
    assert power_of(replace(found, control=found.control - 5)).power < 0.8
    assert effect_for(replace(found, effect=0.0, power=0.8)).effect == pytest.approx(effect, rel=2e-3)


def test_power_is_what_drawn_experiments_reject():
    rng = np.random.default_rng(0)
    plan = people_for(Plan(Measure(0.10), effect=0.04, power=0.7))
    rejected = 0
    for _ in range(1000):
        control = rng.random(plan.control) < 0.10
        treated = rng.random(plan.treated) < 0.14
        rejected += ttest_ind(treated, control, equal_var=False).pvalue < 0.05
    assert rejected / 1000 == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Plan(Measure(1.4), 0.1, 0.8), "a share lies between 0 and 1"),
        (Plan(Measure(0.9), 0.2, 0.8), "takes the share out of 0 to 1"),
        (Plan(Measure(0.5), 0.0, 0.8), "an effect of 0 needs everybody"),
        (Plan(Measure(0.5), 0.1, 1.0), "must lie between 0 and 1"),
        (Plan(Measure(5.0, 0.0), 0.1, 0.8), "must be above 0"),
        (Plan(Measure(0.5), 0.1, 0.8, arms=0), "must be at least 1"),
        (Plan(Measure(0.5), 0.1, 0.8, level=0.7), "must be below 0.5"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan, said):
    with pytest.raises(InputError, match=said):
        people_for(plan)


def test_people_who_find_nothing_are_refused():
    with pytest.raises(InputError, match="too few people"):
        power_of(Plan(Measure(0.5), 0.1, 0.8, control=1))
    with pytest.raises(InputError, match="find no effect"):
        effect_for(Plan(Measure(0.5), 0.0, 0.999, control=2))
