"""Learners of uplift on people whose uplift is planted."""

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.offpolicy.uplift.cross_fit import folds, rewards, uplift
from graphrec.offpolicy.uplift.encoded import Outcome, encoder, facts_of
from graphrec.offpolicy.uplift.learners import LEARNERS, fit_uplift


def planted(n=6000, seed=0):
    """Uplift 2 in Zürich and 0 elsewhere; age moves the outcome, not the uplift."""
    rng = np.random.default_rng(seed)
    facts = pd.DataFrame(
        {"age": rng.normal(40, 10, n), "stadt": rng.choice(["Zürich", "北京", None], n)},
        index=range(7, 7 + n),
    )
    truth = np.where(facts["stadt"] == "Zürich", 2.0, 0.0)
    treated = rng.random(n) < 0.4
    outcome = 0.1 * facts["age"].to_numpy() + truth * treated + rng.normal(0, 1, n)
    return facts, treated, outcome, truth


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("base", ["linear", "boosting"])
def test_every_learner_finds_a_planted_uplift_in_other_people(learner, base):
    facts, treated, outcome, truth = planted(3000)
    chance = np.full(len(truth), 0.4)
    found = uplift(learner, facts, np.arange(len(truth)), treated, outcome, chance, base, parts=2)
    assert np.isfinite(found).all()
    assert found[truth == 2].mean() == pytest.approx(2.0, abs=0.5)
    assert found[truth == 0].mean() == pytest.approx(0.0, abs=0.5)
    assert np.corrcoef(found, truth)[0, 1] > 0.5


def test_a_share_is_foretold_as_a_probability():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 1))
    bought = (rng.random(2000) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    found = Outcome("linear").fit(x, bought).predict(np.array([[-20.0], [0.0], [20.0]]))
    assert found == pytest.approx([0, 0.5, 1], abs=0.05)
    assert Outcome().fit(x, np.ones(2000)).predict(x[:2]).tolist() == [1.0, 1.0]


def test_no_row_is_judged_by_what_saw_its_person():
    person = np.array([0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9])
    arm = np.array([0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1])
    judged = []
    for train, test in folds(person, arm, parts=4):
        assert not set(person[train]) & set(person[test])
        judged += test.tolist()
    assert sorted(judged) == list(range(12))


def test_rewards_without_facts_are_means_of_other_people():
    arm = np.array([0, 1] * 6)
    reward = np.arange(12.0)
    found = rewards(pd.DataFrame(index=range(12)), np.arange(12), arm, reward, parts=3)
    for train, test in folds(np.arange(12), arm, 3):
        for code in (0, 1):
            assert found[test, code] == pytest.approx(reward[train][arm[train] == code].mean())


def test_an_arm_with_too_few_people_is_refused():
    arm = np.array([0] * 20 + [1] * 3)
    with pytest.raises(InputError, match="an arm has 3 people, too few for 5 parts"):
        rewards(pd.DataFrame(index=range(23)), np.arange(23), arm, np.zeros(23))
    with pytest.raises(InputError, match="there is no learner 'z'"):
        fit_uplift("z", np.zeros((2, 1)), np.array([True, False]), np.zeros(2), np.full(2, 0.5))


def test_facts_of_any_kind_become_finite_numbers_and_unknown_levels_do_no_harm():
    facts = pd.DataFrame(
        {
            "n": [1.0, np.nan, 3.0] * 20,
            "flag": [True, False, True] * 20,
            "when": pd.to_datetime(["2024-01-01"] * 60),
            "text": ["a", None, "b|c"] * 20,
        }
    )
    encode = encoder().fit(facts_of(facts))
    other = facts_of(facts.head(2).assign(text=["never seen", "a"], n=[np.nan, 9.0]))
    assert np.isfinite(encode.transform(other)).all()
