"""Rules of cleaning against plain computations of their own; what a rule may not do is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.cleaning.rules import (
    Duplicates,
    Guests,
    Ignore,
    Missing,
    Outliers,
    Prices,
    Returns,
    ZeroQuantities,
    apply_rules,
    to_be_cleaned,
    with_prices,
)
from graphrec.errors import InputError


def frame(**columns):
    log = pd.DataFrame(columns)
    return log.assign(line=np.arange(2, len(log) + 2))


def cleaned(log, *rules):
    return apply_rules(log, rules)[0]


def taken_off(rows):
    """Take each return off the latest earlier purchase, as a person with a list would: first of its size."""
    left = [max(quantity, 0) for *_, quantity in rows]
    back = [max(-quantity, 0) for *_, quantity in rows]
    for place, row in enumerate(rows):
        for other in (one for one in reversed(range(place)) if rows[one][:2] == row[:2]):
            if back[place] and left[other] == back[place] == rows[other][2]:
                left[other] = back[place] = 0
    for place, row in enumerate(rows):
        for other in (one for one in reversed(range(place)) if rows[one][:2] == row[:2]):
            units = min(back[place], left[other])
            left[other], back[place] = left[other] - units, back[place] - units
    return left, sum(units > 0 for units in back)


PURCHASES = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.sampled_from([-3, -2, -1, 1, 2, 3]))


def test_a_return_larger_than_its_purchase_is_told_as_such():
    log = frame(user_id=["a", "a", "b"], item_id=["x"] * 3, quantity=[1.0, -3.0, -1.0])
    found, steps = apply_rules(log, [Returns()])
    assert found.empty
    told = {step.step: step.removed for step in steps}
    assert told["returns of more than was bought before"] == 2
    assert told["returns and the purchases that they undo"] == 1


@settings(max_examples=15, deadline=None)
@given(st.lists(PURCHASES, min_size=1, max_size=25))
def test_net_is_what_a_person_with_a_list_would_do(rows):
    users, items, quantities = zip(*rows, strict=True)
    log = frame(user_id=users, item_id=items, quantity=[float(one) for one in quantities])
    found, steps = apply_rules(log, [Returns()])
    left, alone = taken_off(rows)
    wanted = [(line, units) for line, units in zip(log["line"], left, strict=True) if units > 0]
    assert list(zip(found["line"], found["quantity"], strict=True)) == wanted
    assert steps[2].removed == alone
    assert len(log) - len(found) == sum(step.removed for step in steps)


def test_a_return_meets_no_purchase_that_is_later_or_of_the_training_part():
    late = frame(user_id=list("aa"), item_id=list("xx"), quantity=[-1.0, 1.0], week=[2, 3])
    assert cleaned(late, Returns())["quantity"].tolist() == [1.0]
    parted = frame(
        user_id=list("aa"), item_id=list("xx"), quantity=[1.0, -1.0], week=[2, 3], part=["train", "test"]
    )
    assert cleaned(parted, Returns())["part"].tolist() == ["train"]
    unordered = frame(user_id=list("aa"), item_id=list("xx"), quantity=[-1.0, 1.0], week=[3, 2])
    assert cleaned(unordered, Returns()).empty


def test_a_return_of_unknown_quantity_undoes_nothing_and_is_counted_so():
    log = frame(user_id=list("aa"), item_id=list("xx"), quantity=[1.0, None], price=[3.0, -3.0])
    found, steps = apply_rules(log, [Returns()])
    assert found["line"].tolist() == [2]
    assert [step.removed for step in steps] == [0, 0, 1]


def test_a_return_takes_the_receipt_that_it_names():
    log = frame(
        user_id=list("aaa"),
        item_id=list("xxx"),
        quantity=[1.0, 1.0, 1.0],
        basket_id=["7", "8", "C7"],
        week=[1, 2, 3],
    )
    assert cleaned(log, Returns(prefix="C"))["basket_id"].tolist() == ["8"]
    assert cleaned(log, Returns("drop", prefix="C"))["basket_id"].tolist() == ["7", "8"]
    with pytest.raises(InputError, match="this row is a return") as caught:
        cleaned(log, Returns("refuse", prefix="C"))
    assert caught.value.row == 4


@pytest.mark.parametrize(("rule", "factor"), [("iqr", 1.5), ("z", 3.5)])
def test_outliers_are_those_of_numpy(rule, factor):
    rng = np.random.default_rng(0)
    log = frame(item_id=rng.choice(list("xyz"), 200), price=np.exp(rng.normal(size=200)))
    log.loc[rng.choice(200, 20, replace=False), "price"] = np.nan
    keep = pd.Series(False, log.index)
    for _, values in log.groupby("item_id")["price"]:
        known = values.dropna()
        if rule == "iqr":
            first, third = np.quantile(known, [0.25, 0.75])
            low, high = first - factor * (third - first), third + factor * (third - first)
        else:
            width = factor * 1.4826 * np.median(np.abs(known - np.median(known)))
            low, high = np.median(known) - width, np.median(known) + width
        keep |= values.isna().reindex(log.index, fill_value=False)
        keep |= values.between(low, high).reindex(log.index, fill_value=False)
    found, steps = apply_rules(log, [Outliers("price", rule, group=("item_id",))])
    assert found["line"].tolist() == log.loc[keep, "line"].tolist()
    assert 0 < steps[0].removed == int((~keep).sum())


@pytest.mark.parametrize("name", ["width", "known", "keep", "first_row", "far"])
def test_a_column_of_the_file_may_have_any_name(name):
    log = frame(price=[1.0, 2.0, 3.0, 4.0, 90.0] * 2, **{name: list("aaaaabbbbb")})
    assert cleaned(log, Outliers("price", "iqr", group=(name,)))["line"].tolist() == [2, 3, 4, 5, 7, 8, 9, 10]
    assert cleaned(log, Outliers("price", "z", group=(name,)))["line"].tolist() == [2, 3, 4, 5, 7, 8, 9, 10]
    assert cleaned(log, Duplicates(by=(name,)))["line"].tolist() == [2, 7]


def test_bounds_come_from_the_training_part_and_leave_equal_values_alone():
    log = frame(price=[1.0, 2.0, 3.0, 4.0, 5.0, 900.0, 901.0, 902.0], part=["train"] * 5 + ["test"] * 3)
    assert len(cleaned(log, Outliers("price", "iqr"))) == 5
    assert len(cleaned(frame(price=[1.0] * 9 + [50.0]), Outliers("price", "z"))) == 10
    assert len(cleaned(frame(price=[1.0, 2.0, 3.0, 99.0]), Outliers("price", "iqr"))) == 4  # too few to tell
    log = frame(quantity=[-5.0, 3.0, 70.0])
    clipped, (step,) = apply_rules(log, [Outliers("quantity", low=0, high=9, action="clip")])
    assert clipped["quantity"].tolist() == [0.0, 3.0, 9.0]
    assert step.examples == ("row 2: quantity -5 → 0", "row 4: quantity 70 → 9")


def test_the_most_frequent_value_is_taken_and_of_two_the_smaller():
    log = frame(user_id=list("aaaabbc"), region=["w", "n", "n", None, "z", "y", None])
    log = pd.concat([log, log.iloc[[6]].assign(user_id="b")], ignore_index=True)
    found, (step,) = apply_rules(log, [Missing("region", "mode", group=("user_id",))])
    assert found["region"].fillna("?").tolist() == ["w", "n", "n", "n", "z", "y", "?", "y"]
    assert found["region_missing"].tolist() == [0, 0, 0, 1, 0, 0, 1, 1]
    assert (step.filled, "(1 stay missing)" in step.step) == (2, True)


def test_fills_of_other_kinds():
    log = frame(quantity=[1.0, None, 3.0], part=["train", "train", "test"], colour=["red", None, "blue"])
    assert cleaned(log, Missing("quantity", "median"))["quantity"].tolist() == [1.0, 1.0, 3.0]
    assert cleaned(log, Missing("quantity", "constant", value=7))["quantity"].tolist() == [1.0, 7.0, 3.0]
    coloured = cleaned(log, Missing("colour", "constant", value="none"))
    assert coloured["colour"].tolist() == ["red", "none", "blue"]
    assert cleaned(log, Missing("quantity"))["line"].tolist() == [2, 4]
    rng = np.random.default_rng(0)
    told = rng.choice(list("xyz"), 300)
    colours = np.char.upper(told)
    log = frame(item_id=told, colour=pd.Series(colours, dtype="str").mask(np.arange(300) % 10 == 0))
    assert cleaned(log, Missing("colour", "model", features=("item_id",)))["colour"].tolist() == [*colours]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Missing("price", "constant", value=1), "constant would invent a price"),
        (lambda: Missing("shelf_price", "model", features=("item_id",)), "model would invent a shelf_price"),
        (lambda: Missing("price", "median"), "of other products"),
        (lambda: Missing("price", "mode", group=("user_id",)), "of other products"),
        (lambda: Outliers("price", "z", action="clip"), "of other products"),
        (lambda: Missing("user_id", "constant", value="0"), "a missing user_id cannot be filled"),
        (lambda: Missing("quantity", "drop", value=1), "drop does not take this"),
        (lambda: Missing("quantity", "constant"), "constant needs this"),
        (lambda: Outliers("price"), "range needs a bound"),
        (lambda: Outliers("price", low=3, high=2), "low is above high"),
        (lambda: Outliers("price", "iqr", low=3), "iqr finds its bounds itself"),
        (lambda: Outliers("price", low=3, group=("item_id",)), "range has neither groups nor a factor"),
        (lambda: Duplicates(by=()), "the key has no column"),
        (lambda: Returns(prefix=""), "the prefix is empty"),
    ],
)
def test_what_a_rule_may_not_do_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_repeats_of_a_log_that_cannot_tell_them_apart_stay_unless_asked():
    log = frame(user_id=list("aab"), item_id=list("xxx"))
    kept, (step,) = apply_rules(log, [Duplicates()])
    assert (len(kept), step.removed) == (3, 0)
    assert "kept as further purchases" in step.step
    assert cleaned(log, Duplicates(repeats="drop"))["line"].tolist() == [2, 4]
    assert cleaned(log, Duplicates(by=("user_id", "item_id"), keep="last"))["line"].tolist() == [3, 4]
    timed = log.assign(week=1)
    assert cleaned(timed, Duplicates())["line"].tolist() == [2, 4]


def test_columns_are_named_and_a_forgotten_one_is_refused():
    log = frame(user_id=["a"], item_id=["x"])
    log.attrs["unread"] = ("till", "remark")
    _, (step,) = apply_rules(log, [Ignore()])
    assert step.step == "columns left out: till, remark"
    wrong = {("till",): "nothing reads this column", ("till", "remark", "x"): "or is not there"}
    for columns, words in wrong.items():
        with pytest.raises(InputError, match=words):
            apply_rules(log, [Ignore(columns)])
    with pytest.raises(InputError, match=r"ZeroQuantities needs this column.*the log has user_id, item_id"):
        apply_rules(log, [Guests(), ZeroQuantities()])


PRICED = {
    "list and discount": ({"list_price": [4.0], "discount": [1.0]}, (4, 3, 3)),
    "list and per cent": ({"list_price": [4.0], "discount_pct": [25.0]}, (4, 3, 3)),
    "paid and discount": ({"price": [3.0], "discount": [1.0]}, (4, 3, 3)),
    "paid and per cent": ({"price": [3.0], "discount_pct": [25.0]}, (4, 3, 3)),
    "with a coupon": ({"price": [2.5], "list_price": [4.0], "discount": [1.0]}, (4, 3, 2.5)),
    "shelf, paid and discount": ({"price": [2.5], "shelf_price": [3.0], "discount": [1.0]}, (4, 3, 2.5)),
    "all given away": ({"price": [0.0], "discount_pct": [100.0]}, (np.nan, np.nan, 0)),
    "unknown discount": ({"list_price": [4.0], "discount": [np.nan]}, (4, np.nan, np.nan)),
}  # fmt: skip


@pytest.mark.parametrize("name", PRICED)
def test_prices_follow_from_discounts(name):
    columns, wanted = PRICED[name]
    log = frame(user_id=["a"], item_id=["x"], quantity=[2.0], **columns)
    money = [one for one in columns if one != "discount_pct"]
    of_lines = log.assign(**{one: log[one] * 2 for one in money})
    for one, rule in ((log, Prices()), (of_lines, Prices("line"))):
        found = cleaned(one, rule)
        prices = found[["regular_price", "shelf_price", "price"]].to_numpy()[0]
        assert np.allclose(prices, wanted, equal_nan=True)
        assert not {"list_price", "discount", "discount_pct"} & set(found)
    assert [type(one) for one in with_prices(log, [])] == [Prices]


def test_prices_that_contradict_are_refused():
    log = frame(quantity=[1.0], price=[2.0], list_price=[3.0], discount=[5.0])
    with pytest.raises(InputError, match=r"5 is more than the price.*discount_pct.*per: line") as caught:
        cleaned(log, Prices())
    assert (caught.value.row, caught.value.column) == (2, "discount")
    for more in ("regular_price", "discount_pct"):
        with pytest.raises(InputError, match="says the same as this column"):
            cleaned(log.assign(**{more: 1.0}), Prices())
    with pytest.raises(InputError, match="no price follows"):
        cleaned(frame(discount=[1.0]), Prices())


def test_a_negative_price_that_no_step_mends_is_told_with_its_row():
    log = frame(user_id=["a"], item_id=["x"], quantity=[1.0], price=[-2.0])
    with pytest.raises(InputError, match="-2 is still negative") as caught:
        cleaned(log, Outliers("price", high=9))
    assert caught.value.row == 2


def test_the_name_of_a_step_is_none_in_python():
    with pytest.raises(InputError, match=r"'Returns' is no step of cleaning"):
        to_be_cleaned(["Returns"])
