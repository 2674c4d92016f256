from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from graphrec.data.datasets.synthetic import synthetic
from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.offpolicy.market import TOTAL_SIGMA, draw_market, explained_share, hidden_spread
from graphrec.offpolicy.market_facts import FEATURES, QUARTILES, market_facts
from graphrec.offpolicy.slope_effects import slope_effects


def made_up(response=2.5, seed=0):
    raw = synthetic(
        num_users=100, num_items=50, num_blocks=2, density=3.0, weeks=20, response=response, seed=seed
    )
    return raw.log, raw.items


@pytest.fixture(scope="module")
def facts():
    log, items = made_up()
    return market_facts(log, items, category="department", min_sold=0.5)


def test_facts_have_a_row_per_pair_bought_often_enough(facts):
    log, _ = made_up()
    first = log[log[Columns.WEEK] <= log[Columns.WEEK].median()]
    weeks = first.groupby([Columns.USER, Columns.ITEM])[Columns.WEEK].nunique()
    sold = log.groupby(Columns.ITEM)[Columns.WEEK].nunique()
    often = weeks[weeks >= 2].reset_index()
    assert len(facts) == (often[Columns.ITEM].map(sold) >= 10).sum()
    assert facts.features.shape == (len(facts), len(FEATURES))
    assert np.isfinite(facts.features).all()
    assert facts.quartile_elasticity.shape == (QUARTILES,)
    assert set(facts.category) == {0, 1}


def test_the_history_model_learns_from_the_second_half_alone():
    """Purchases of the second half may move weights and hidden spreads, but no feature of history."""
    log, items = made_up()
    late = log[Columns.WEEK] > log[Columns.WEEK].median()
    changed = log.copy()
    changed.loc[late, Columns.USER] = log.loc[late, Columns.USER].sample(frac=1, random_state=0).to_numpy()
    before, after = (market_facts(one, items, category="department", min_sold=0.0) for one in (log, changed))
    history = [FEATURES.index(name) for name in ("log_weeks_bought", "weeks_since_bought", "affinity")]
    np.testing.assert_array_equal(before.features[:, history], after.features[:, history])
    assert not np.array_equal(before.link_score, after.link_score)


def test_a_stronger_response_is_measured_as_such():
    found = []
    for response in (0.0, 4.0):
        log, items = made_up(response)
        measured = market_facts(log, items, category="department", min_sold=0.0)
        found.append(measured.quartile_elasticity.mean())
    assert found[1] > found[0] + 0.5


def test_slope_effects_find_a_planted_spread():
    rng = np.random.default_rng(0)
    groups, each = 300, 400
    group = np.repeat(np.arange(groups), each)
    steps = rng.choice([0.0, 0.2, 0.4], size=len(group))
    planted = 0.8 * rng.normal(size=groups)
    fitted = np.full(len(group), 0.4)
    true = 1 / (1 + np.exp(-(np.log(0.4 / 0.6) + planted[group] * steps)))
    bought = (rng.random(len(group)) < true).astype(float)
    found = slope_effects(group, bought - fitted, fitted * (1 - fitted), steps)
    assert found.spread == pytest.approx(0.8, abs=0.2)
    assert np.corrcoef(found.effect, planted)[0, 1] > 0.6
    assert found.effect.std() < 0.8  # shrunk
    nothing = (rng.random(len(group)) < 0.4).astype(float)
    assert slope_effects(group, nothing - fitted, fitted * (1 - fitted), steps).spread < 0.25


def test_the_hidden_part_has_the_calibrated_size(facts):
    market = draw_market(facts, seed=3)
    sigma = hidden_spread(facts)
    assert sigma**2 + np.log(facts.elasticity).var() == pytest.approx(TOTAL_SIGMA**2)
    noise = np.log(market.truth.elasticity / facts.elasticity)
    assert noise.std() == pytest.approx(sigma, rel=0.1)
    assert abs(np.corrcoef(noise, market.hidden)[0, 1]) < 0.1
    assert market.hidden_sigma == sigma
    assert 0 < explained_share(facts, sigma) < 1
    np.testing.assert_array_equal(draw_market(facts, hidden_sigma=0.0).truth.elasticity, facts.elasticity)


def test_what_is_hidden_stands_in_no_feature(facts):
    one, other = draw_market(facts, seed=1), draw_market(facts, seed=2)
    np.testing.assert_array_equal(one.features, other.features)
    assert not np.array_equal(one.truth.elasticity, other.truth.elasticity)
    louder = dataclasses.replace(facts, base_sigma=0.5)
    assert not np.array_equal(draw_market(louder).truth.base, draw_market(facts).truth.base)
    np.testing.assert_array_equal(draw_market(louder).features, facts.features)


def test_a_smaller_market_is_a_part_of_the_whole(facts):
    whole, part = draw_market(facts, seed=1), draw_market(facts, seed=1, pairs=50)
    assert len(part) == 50
    where = [
        np.flatnonzero((whole.user == user) & (whole.item == item))[0]
        for user, item in zip(part.user, part.item, strict=True)
    ]
    np.testing.assert_array_equal(whole.truth.base[where], part.truth.base)
    assert part.unit_score.min() == 0.0
    assert part.unit_score.max() == 1.0


def test_mistakes_are_named(facts):
    log, _ = made_up()
    with pytest.raises(InputError, match="regular_price"):
        market_facts(log.drop(columns=Columns.REGULAR_PRICE))
    with pytest.raises(InputError, match="min_weeks"):
        market_facts(log, min_weeks=1000)
    with pytest.raises(InputError, match="do not vary"):
        market_facts(log.assign(shelf_price=log[Columns.REGULAR_PRICE]), min_sold=0.0)
    with pytest.raises(InputError, match="pairs"):
        draw_market(facts, pairs=len(facts) + 1)
    with pytest.raises(InputError, match="hidden_sigma"):
        draw_market(facts, hidden_sigma=-1.0)
