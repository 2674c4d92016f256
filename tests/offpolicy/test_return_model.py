from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from graphrec.errors import InputError
from graphrec.offpolicy.return_model import ReturnModel, absence_risk, return_gain, with_saving
from graphrec.offpolicy.return_visits import FEATURES, LABEL, label_returns, weekly_visits


def line(user, week, item, paid, full, quantity=1):
    return {
        "user_id": user,
        "week": week,
        "item_id": item,
        "price": paid,
        "regular_price": full,
        "quantity": quantity,
    }


SMALL = pd.DataFrame(
    [
        line(1, 1, 5, 1.0, 2.0, 2),  # 2 of 4 saved
        line(1, 1, 6, 4.0, 4.0),  # and 0 of 4: a quarter in all
        line(1, 3, 5, 2.0, 2.0),
        line(1, 3, 7, 2.0, 2.0),
        line(1, 9, 5, 1.0, 2.0),
        line(2, 2, 5, 2.0, 2.0),
    ]
)


def test_the_features_of_a_small_log_by_hand():
    visits = weekly_visits(SMALL).set_index(["user_id", "week"])
    assert visits["relevance"].tolist() == [0, 0.5, 1, 0]  # what another user bought before is no history
    assert visits["saving"].tolist() == pytest.approx([0.25, 0, 0.5, 0])
    assert visits["saving_usual"].tolist() == pytest.approx([0.25, 0.25, 0.125, 0])
    assert visits["weeks_away"].tolist() == [0, 2, 6, 0]
    assert visits["longest_gap"].tolist() == [0, 2, 6, 0]
    assert visits["weeks_known"].tolist() == [0, 2, 8, 0]
    assert visits["visits"].tolist() == pytest.approx([0, 1 / 2, 2 / 8, 0])
    assert visits["visits_recent"].tolist() == pytest.approx([0, 1 / 2, 2 / 8, 0])
    assert visits.loc[(1, 1), "spend"] == pytest.approx(np.log1p(6.0))
    assert visits.loc[(1, 1), "items"] == pytest.approx(np.log1p(2))


def test_the_label_is_a_purchase_in_the_next_four_weeks():
    labelled = label_returns(weekly_visits(SMALL), last_week=13).set_index(["user_id", "week"])[LABEL]
    assert labelled.to_dict() == {(1, 1): True, (1, 3): False, (1, 9): False, (2, 2): False}
    known = label_returns(weekly_visits(SMALL), last_week=12)
    assert known["week"].max() == 3  # of week 9 the fourth week after is not over


def test_no_later_purchase_changes_a_feature():
    log = shoppers(0)
    early = weekly_visits(log[log["week"] <= 20])
    both = weekly_visits(log)
    both = both[both["week"] <= 20].reset_index(drop=True)
    pd.testing.assert_frame_equal(early, both)


def test_a_missing_price_is_named():
    with pytest.raises(InputError, match="column 'regular_price'"):
        weekly_visits(SMALL.drop(columns="regular_price"))


def shoppers(seed, users=150, weeks=40):
    """Half come often, half seldom; whoever saves comes back the sooner."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        habit, week = (0.7 if user % 2 else 0.12), 1
        while week <= weeks:
            saved = float(rng.random() < 0.5) * 0.4
            rows.append(line(user, week, int(rng.integers(30)), 10 * (1 - saved), 10.0))
            week += int(rng.geometric(min(habit * (1.8 if saved else 0.7), 0.95)))
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def parts():
    visits = label_returns(weekly_visits(shoppers(1)), 40)
    return visits[visits["week"] <= 18], visits[visits["week"].between(19, 26)], visits[visits["week"] > 26]


@pytest.fixture(scope="module", params=["logistic", "svm"])
def model(request, parts):
    return ReturnModel.fit(parts[0], parts[1], kind=request.param)


def test_finds_who_returns_and_promises_the_right_share(model, parts):
    test = parts[2]
    probability = model.probability(test)
    assert roc_auc_score(test[LABEL], probability) > 0.75
    assert probability.mean() == pytest.approx(test[LABEL].mean(), abs=0.05)


def test_the_gain_has_the_sign_that_was_planted_and_is_zero_without_a_saving(model, parts):
    assert (return_gain(model, parts[2], 0.0) == 0).all()
    assert return_gain(model, parts[2], 0.4).mean() > 0.03
    with pytest.raises(InputError, match="column 'saving'"):
        return_gain(model, parts[2], 1.0)


def test_a_saving_per_visit_reaches_the_product_too(parts):
    saved = np.linspace(0, 0.5, len(parts[2]))
    changed = with_saving(parts[2], saved)
    assert np.allclose(changed["relevance_saving"], parts[2]["relevance"] * saved)
    assert set(FEATURES) <= set(changed.columns)


def test_churn_risk_is_of_the_latest_visit_of_each_user(model, parts):
    risk = absence_risk(model, parts[2].sample(frac=1, random_state=0))
    latest = parts[2].groupby("user_id").tail(1).set_index("user_id")
    assert risk.index.tolist() == sorted(latest.index)
    user = risk.index[3]
    assert risk[user] == pytest.approx(1 - model.probability(latest.loc[[user]])[0])
    seldom = risk.index % 2 == 0
    assert risk[seldom].mean() > risk[~seldom].mean() + 0.1


def test_one_outcome_cannot_be_fitted(parts):
    with pytest.raises(InputError, match="earlier visits hold only one outcome"):
        ReturnModel.fit(parts[0][parts[0][LABEL]], parts[1])
