"""What is said of an offer: the manager reads numbers of the row, the shopper none of them."""

from __future__ import annotations

import re
from copy import copy

import numpy as np
import pytest
from seasonal_shop import NEIGHBOURS, fit_other

from graphrec.offers.reasons import LIMITS

WORDS = "--policy none linear_rate affinity knapsack --objective units --sentences"
NUMBER = r"([+-]?\d+\.?\d*(?:e[+-]\d+)?)"
OFFER = re.compile(
    rf"the chance of a (purchase|basket of {NUMBER} or more) rises from {NUMBER} % to {NUMBER} %"
    rf"(?: in (a week|\d+ weeks))?, profit {NUMBER}, cost {NUMBER}\. (Why|Limit (\w+)): (.+)\.$"
)
NO_OFFER = re.compile(
    rf", bought with a chance of {NUMBER} %(?: in (a week|\d+ weeks))?\. (Why|Limit (\w+)): (.+)\.$"
)
NOT_FOR_SHOPPERS = "chance probab likel sensitiv income household profit cost margin limit budget score"
KEPT_FROM_SHOPPERS = re.compile("|".join(NOT_FOR_SHOPPERS.split()), re.IGNORECASE)


@pytest.fixture(scope="module")
def told(fitted_shop):
    """The shop with a model that has an account of its scores."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(fitted_shop[0])
        mine = copy(fitted_shop[1])
        mine.task, mine.data = fit_other("cf", NEIGHBOURS)
        yield mine


def agrees(said: str, value: float, digits: int) -> bool:
    """Whether a number that is said is that of the row, to so many digits."""
    return float(said) == pytest.approx(
        value, rel=0.6 * 10 ** (1 - digits), abs=0.00501 if abs(value) >= 0.1 else 1e-12
    )


@pytest.mark.parametrize("promotion", ["percent", "amount", "coupon", "threshold"])
def test_every_number_is_one_of_the_row(promotion, told, monkeypatch):
    words = WORDS.replace("linear_rate affinity ", "") if promotion == "threshold" else WORDS
    offers = told.decided(f"{words} --promotion {promotion} --budget 2")
    assert (offers["rate"] > 0).sum() > 10
    for row in offers.itertuples():
        found = (OFFER if row.rate > 0 else NO_OFFER).search(row.for_manager)
        if row.rate == 0 and promotion == "threshold":
            assert row.for_manager.startswith("No offer to this household. ")
            continue
        assert found, row.for_manager
        words, code = row.reason.split(": ", 1)[1], row.reason_code
        assert found.groups()[-1] == words
        assert found.groups()[-2] == (code if code in LIMITS else None)
        if row.rate == 0:
            assert agrees(found.group(1), 100 * row.probability, 3)
            continue
        _, threshold, before, after, span, gain, cost = found.groups()[:7]
        assert span == "a week"
        assert agrees(before, 100 * row.probability, 3)
        assert agrees(after, 100 * row.probability_at_rate, 3)
        assert agrees(gain, row.gain, 2)
        assert agrees(cost, row.spend, 2)
        if promotion == "threshold":
            assert agrees(threshold, row.threshold, 9)
            assert row.for_manager.startswith(f"Spend {row.threshold:.2f}, save {row.amount:.2f}: ")
        else:
            off = f"{row.amount:.2f}" if promotion == "amount" else f"{100 * row.rate:.4g} %"
            name = told.items.set_index("item_id")["name"][row.item_id]
            price = f"{row.price:.2f}"
            assert row.for_manager.startswith(f"{off} off {name} ({row.item_id}) at {price}: ")


@pytest.mark.parametrize("weeks", [1, 4])
def test_the_gain_is_profit_beyond_that_of_no_offer(weeks, told):
    offers = told.decided(f"{WORDS} --weeks {weeks}")
    key = ["user_id", "item_id"]
    none = offers[offers["policy"] == "none"].set_index(key)["expected_profit"]
    rest = offers[offers["policy"] != "none"].set_index(key)
    assert np.allclose(rest["gain"], rest["expected_profit"] - none.reindex(rest.index))
    assert np.allclose(offers.loc[offers["policy"] == "none", "gain"], 0)
    if weeks == 1:  # from the row alone: a margin of 30 %
        profit = offers["probability_at_rate"] * offers["price"] * (0.3 - 0.5 * offers["rate"])
        assert np.allclose(offers["gain"], profit - offers["probability"] * offers["price"] * 0.3)
    assert offers["for_manager"].str.contains(f" in {'a week' if weeks == 1 else '4 weeks'}").all()


@pytest.mark.parametrize("promotion", ["percent", "amount", "coupon", "threshold"])
def test_the_shopper_reads_what_is_offered_and_why_and_no_more(promotion, told):
    words = WORDS.replace("linear_rate affinity ", "") if promotion == "threshold" else WORDS
    offers = told.decided(f"{words} --promotion {promotion}")
    made = offers[offers["rate"] > 0]
    assert offers.loc[offers["rate"] == 0, "for_shopper"].isna().all()
    names = told.items.set_index("item_id")["name"]
    bought = told.train.groupby("user_id")["item_id"].agg(set)
    because = 0
    for row in made.itertuples():
        said = row.for_shopper
        if promotion == "threshold":
            assert said == f"Spend {row.threshold:.2f} this week, save {row.amount:.2f}."
            continue
        name = names[row.item_id]
        off = f"{row.amount:.2f}" if promotion == "amount" else f"{100 * row.rate:.4g} %"
        coupon = f"our coupon for {row.product_set} takes " if promotion == "coupon" else ""
        assert f"{coupon}{off} off {name} this week." in said
        assert not KEPT_FROM_SHOPPERS.search(said)
        again = row.item_id in bought[row.user_id]
        assert said.startswith("Because you bought it before: ") == again
        if not again and (named := re.match(r"Because you bought (.+?): ", said)):
            because += 1
            assert named.group(1) in set(names[list(bought[row.user_id])])
    assert because > 10 or promotion == "threshold"


def test_a_model_without_an_account_names_no_purchase(shop, capsys):
    offers = shop.decided("--scenario cross_sell --policy knapsack --objective units --sentences")
    made = offers[offers["rate"] > 0]
    assert "no exact account of its scores by purchases: shoppers are told of none" in capsys.readouterr().err
    assert not made["for_shopper"].str.contains("Because").any()
    assert len(made)


def test_sentences_are_written_with_the_table_and_one_is_printed(told, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = told.offers(f"{WORDS} --name_column product_category")
    assert list(table.columns[-3:]) == ["gain", "for_manager", "for_shopper"]
    assert (
        table["for_manager"]
        .str.contains(r"off (tea|bread|fish|fruit|salt|soap|pens|shoes|toys|books) \(")
        .any()
    )
    printed = capsys.readouterr().out
    best = table[table["for_manager"].map(lambda one: f"For the manager: {one}" in printed)]
    assert len(best)
    made = table[(table["policy"] == "knapsack") & (table["rate"] > 0)]
    added = (made["probability_at_rate"] - made["probability"]) * made["price"]
    assert added.max() == pytest.approx(added.loc[best.index[-1]])
