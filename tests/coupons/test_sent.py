from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from graphrec.coupons.sent import SENT, SentRegression, scaling

COLUMNS = ["taste", "habit"]


def drawn(seed: int, users: int = 400, pool: int = 60, kind: int = 0) -> pd.DataFrame:
    """Households whose 16 coupons follow their taste and whose redemptions follow their habit."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"campaign_id": 1, "user": np.repeat(np.arange(users), pool), "campaign_kind": float(kind)}
    )
    # a taste for everything: only the comparison within a pool tells what is sent
    level = rng.normal(size=users)[:, None] * 2
    taste = level + rng.normal(size=(users, pool))
    habit = np.repeat(rng.normal(size=(users, 1)), pool, axis=1)
    place = (-taste).argsort(axis=1).argsort(axis=1)
    sent = (place < SENT) if kind == 0 else np.ones_like(place, dtype=bool)
    redeemed = sent & (rng.random((users, pool)) < 1 / (1 + np.exp(2 - 2 * habit)))
    table["taste"], table["habit"] = taste.ravel() + 10, habit.ravel() + 10
    return table.assign(redeemed=redeemed.ravel())


def fitted(table: pd.DataFrame, **options: float) -> SentRegression:
    return SentRegression(COLUMNS, **options).fit(table, np.ones(len(table)))


def test_what_was_sent_is_told_from_what_was_not_by_the_rest_of_the_pool():
    train, test = drawn(0), drawn(1)
    ours = fitted(train, strength=1.0).log_odds(test)
    plain = LogisticRegression().fit(scaling().fit_transform(train[COLUMNS]), train["redeemed"])
    theirs = plain.decision_function(scaling().fit_transform(test[COLUMNS]))
    found, without = (average_precision_score(test["redeemed"], one) for one in (ours, theirs))
    assert found > without + 0.1


@pytest.mark.parametrize(("kind", "tolerance"), [(1, 0.001), (0, 0.2)])
def test_probabilities_add_up_to_the_redemptions(kind, tolerance):
    """Exactly so without pools; with them nearly, for what is sent is a share and not a choice of 16."""
    train = drawn(0, kind=kind)
    probability = 1 / (1 + np.exp(-fitted(train, strength=1.0).log_odds(train)))
    assert probability.sum() == pytest.approx(train["redeemed"].sum(), rel=tolerance)


def test_without_a_pool_it_is_a_logistic_regression():
    train, test = drawn(0, kind=1), drawn(1, kind=1)
    scaler = scaling().fit(train[COLUMNS])
    plain = LogisticRegression(C=0.5, tol=1e-8).fit(scaler.transform(train[COLUMNS]), train["redeemed"])
    expected = plain.decision_function(scaler.transform(test[COLUMNS]))
    assert np.allclose(fitted(train, strength=0.5).log_odds(test), expected, atol=1e-2)


def test_a_row_that_stands_for_three_counts_as_three():
    train, test = drawn(0), drawn(1)
    idle = np.flatnonzero(~train["redeemed"].to_numpy())
    repeated = pd.concat([train, *[train.iloc[idle[::5]]] * 2], ignore_index=True)
    weight = np.ones(len(train))
    weight[idle[::5]] = 3
    scaler = scaling().fit(train[COLUMNS])  # so that both see the same numbers
    once = SentRegression(COLUMNS, strength=1.0).fit(train, weight)
    many = fitted(repeated, strength=1.0)
    once.scaler = many.scaler = scaler
    # both were standardised by nearly the same mean and deviation
    assert np.allclose(once.log_odds(test), many.log_odds(test), atol=0.15)


def test_pools_do_not_see_one_another():
    train, test = drawn(0), drawn(1)
    model = fitted(train)
    together = model.log_odds(test)
    alone = model.log_odds(test[test["user"] == 7])
    assert np.allclose(together[test["user"] == 7], alone)
    more = pd.concat([test, test[test["user"] == 7].assign(campaign_id=2, taste=99.0)])
    assert np.allclose(model.log_odds(more)[: len(test)], together)


def test_far_out_numbers_stay_finite_and_an_unfitted_model_says_so():
    test = drawn(1).assign(taste=1e12)
    assert np.isfinite(fitted(drawn(0)).log_odds(test)).all()
    with pytest.raises(RuntimeError, match="fit comes before"):
        SentRegression(COLUMNS).log_odds(test)
