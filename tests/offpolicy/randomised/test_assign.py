"""Who gets which arm."""

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.offpolicy.randomised.assign import assign, new_salt, place

SHARES = {"control": 0.5, "ten": 0.3, "twenty": 0.2}


def people(n):
    return pd.Series([f"{number:05d}" for number in range(n)], index=range(3, n + 3))


def test_a_person_has_the_same_arm_whoever_else_is_there_and_another_salt_draws_anew():
    everybody = people(5000)
    whole = assign(everybody, SHARES, "a salt of ours")
    some = assign(everybody[::7], SHARES, "a salt of ours")
    assert (whole[some.index] == some).all()
    assert (whole == assign(everybody, SHARES, "another salt")).mean() == pytest.approx(0.38, abs=0.03)


def test_shares_are_kept_on_the_whole_and_within_strata_to_a_person():
    everybody = people(20_000)
    counts = assign(everybody, SHARES, "salt one two").value_counts(normalize=True)
    assert counts.to_dict() == pytest.approx(SHARES, abs=0.012)
    strata = pd.Series(
        np.random.default_rng(0).choice(["a", "b", None], 20_000, p=[0.9, 0.09, 0.01]), everybody.index
    )
    arms = assign(everybody, SHARES, "salt one two", strata)
    for _, mine in arms.groupby(strata.fillna("none")):
        for arm, share in SHARES.items():
            assert abs((mine == arm).sum() - share * len(mine)) <= 1.0 + 1e-9


def test_places_are_even_and_salts_differ():
    drawn = place("salt one two", people(20_000).tolist())
    assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx([2000] * 10, abs=180)
    assert len({new_salt() for _ in range(50)}) == 50


def test_wrong_shares_and_repeated_people_are_refused():
    with pytest.raises(InputError, match="sum to 1"):
        assign(people(3), {"a": 0.5, "b": 0.4}, "salt one two")
    with pytest.raises(InputError, match="'00001' stands there twice"):
        assign(pd.Series(["00001", "00001"]), {"a": 0.5, "b": 0.5}, "salt one two")
