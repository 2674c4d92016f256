"""Does the interval of a gain know that pairs were chosen because their gain looked high?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.cli.offers.telling.totals import luck
from graphrec.offers.candidates.table import Candidates
from graphrec.offers.hindsight.correction import Correction, Rows
from graphrec.offers.hindsight.past import Hindsight, PastWeek, gains
from graphrec.offers.policies.by_value import ExpectedProfit
from graphrec.offers.policies.rules import Uniform
from graphrec.offers.table import make_offers
from graphrec.response.curves import SplineResponse

USERS, ITEMS, WEEKS, PRICE = 300, 30, 6, 5.0
TRUE = 1.2
"""Slope at which no discount pays."""
KNOTS = (0.0, 0.2, 0.4)


def steep(slope):
    """Weights of curves that rise with ``-log(1 - d)`` alone."""
    return np.column_stack([slope, np.zeros((len(slope), len(KNOTS) - 1))])


class Planted:
    """Pairs with one true slope, of which the curves foretell another."""

    def __init__(self, seed: int, true: float, foretold, kinds=(0,)) -> None:
        rng = np.random.default_rng(seed)
        pairs = USERS * ITEMS
        user, item = (codes.ravel() for codes in np.indices((USERS, ITEMS)))
        base = np.where(item % 3, -1.0, -3.0) + rng.normal(0.0, 0.3, pairs)
        kind = rng.choice(kinds, pairs)
        self.truth = SplineResponse(base, steep(np.full(pairs, true)), KNOTS)
        curves = SplineResponse(base, steep(foretold(rng, base)), KNOTS)
        past = []
        for _ in range(WEEKS):
            rate = rng.choice([0.0, 0.1, 0.2, 0.3], pairs)
            bought = rng.random(pairs) < self.truth.probability(rate)
            past.append(PastWeek(curves, kind, rate, bought))
        self.hindsight = Hindsight(tuple(range(35, 41)), tuple(past), curves, kind, user, item)
        frame = {"user_id": user, "item_id": item, "score": base, "unit_score": 0.5, "elasticity": 1.0}
        frame |= {"probability": self.truth.base, "price": PRICE, "seen": True, "growth": 1.0}
        self.frame = pd.DataFrame(frame)

    def offers(self, policy=ExpectedProfit):
        """Decide with the curves put right."""
        response = self.hindsight.corrected
        candidates = Candidates(self.frame, response, weeks=1, hindsight=self.hindsight)
        return make_offers(candidates, policy())

    def gain(self, offers, response=None) -> float:
        """Add up the profit beyond no offer, in truth or by other curves."""
        pairs = Candidates(self.frame, response or self.truth, weeks=1).pairs()
        return float(gains(pairs, offers["rate"].to_numpy()).sum())


def some_by_luck(rng, base):
    """Slopes that are right, but for some of the pairs that are seldom bought: these look steep by luck."""
    return np.where((base < -2.5) & (rng.random(len(base)) < 0.2), 4.0, TRUE)


def noise(rng, base):
    """Slopes of discounts that in truth do nothing."""
    return np.abs(rng.normal(0.0, 3.0, len(base)))


def test_what_the_choice_owes_to_luck_is_taken_off():
    inside, without = 0, 0
    for seed in range(10):
        shop = Planted(seed, TRUE, some_by_luck)
        offers = shop.offers()
        low, high = offers[["gain_low", "gain_high"]].sum()
        true, foretold = shop.gain(offers), shop.gain(offers, shop.hindsight.corrected)
        assert foretold > 0 > true, "the choice is not by luck, and the test shows nothing"
        assert foretold > (low + high) / 2
        inside += low <= true <= high
        pairs = Candidates(shop.frame, shop.hindsight.corrected, weeks=1).pairs()
        rate = offers["rate"].to_numpy()
        everywhere = shop.hindsight.ends(pairs, lambda at: np.ones(len(at)), rate)
        least, most = (shop.gain(offers, end) for end in everywhere)
        without += least <= true <= most
    assert inside >= 8
    assert without <= 2, "an interval that knows no choice would do"


def test_lifts_of_pure_noise_bring_nothing():
    for seed in range(3):
        shop = Planted(seed, 0.0, noise)
        assert shop.hindsight.correction.lift < 0.1
        chosen = shop.offers()
        low, high = chosen[["gain_low", "gain_high"]].sum()
        assert abs(shop.gain(chosen, shop.hindsight.corrected)) < 1
        assert low <= shop.gain(chosen) <= high + 1e-9


def test_an_offer_to_everybody_that_does_nothing_is_said_to_cost_money():
    inside = 0
    for seed in range(5):
        shop = Planted(seed, 0.0, noise)
        given = shop.offers(lambda: Uniform(0.1))
        low, high = given[["gain_low", "gain_high"]].sum()
        inside += low <= shop.gain(given) <= high
        assert high < shop.gain(given, shop.hindsight.curves)
    assert inside >= 4


def test_the_ends_are_of_the_rows_and_no_offer_has_none():
    shop = Planted(0, TRUE, some_by_luck, kinds=(0, 1, 2))
    offers = shop.offers()
    given = offers["rate"] > 0
    assert given.any()
    assert not given.all()
    assert (offers.loc[~given, ["gain_low", "gain_high"]] == 0).all(axis=None)
    low, high = offers[["gain_low", "gain_high"]].sum()
    assert low < high


def drawn(seed: int, shift, lift: float, rows: int = 20_000) -> Rows:
    rng = np.random.default_rng(seed)
    kind, base = rng.integers(3, size=rows), rng.normal(-2.0, 1.0, rows)
    added = rng.choice([0.0, 0.3, 0.6, 0.9], rows)
    bought = rng.random(rows) < 1 / (1 + np.exp(-(base + np.asarray(shift)[kind] + lift * added)))
    return Rows(base, added, bought, kind, rng.integers(400, size=rows), rng.integers(100, size=rows))


def test_finds_the_shifts_and_the_lift_with_their_error():
    z = []
    for seed in range(30):
        found = Correction.fit(drawn(seed, (0.4, -0.5, 0.0), 1.5))
        gap = np.append(found.shift, found.lift) - [0.4, -0.5, 0.0, 1.5]
        assert np.abs(gap).max() < 0.25
        z.append(gap / np.sqrt(np.diag(found.spread)))
    # users and items count both, so the error is told too large by up to the root of two, and never too small
    assert (np.std(z, axis=0) > 0.5).all()
    assert (np.std(z, axis=0) < 1.2).all()


def test_without_rows_the_curves_stay_as_they_are():
    found = Correction.fit(drawn(0, (0, 0, 0), 1.0, rows=0))
    assert found.shift.tolist() == [0, 0, 0]
    assert found.lift == 1
    assert np.sqrt(np.diag(found.spread)) == pytest.approx([1, 1, 1, 0.5], rel=0.5)


def test_says_how_much_is_luck():
    said = luck("knapsack", 1200.0, 500.0, 1500.0)
    assert said == (
        "Of the gain of knapsack that is foretold, 1,200, 200 is likely luck of the choice,"
        " and 1,000 remains."
    )
    assert luck("knapsack", 1000.2, 500.0, 1501.0) == ""
