"""What a table is taken for: forms, languages and dates that are known, and doubts that are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.data.guess.form import form_of
from graphrec.data.guess.values import dates_in, has_decimal_commas
from graphrec.data.guess.whole import Guess, guess_table
from graphrec.data.guess.words import event_kind, fit, plain
from graphrec.errors import InputError

ROWS = 600
RNG = np.random.default_rng(0)
USERS = [f"{code:04d}" for code in RNG.integers(60, size=ROWS)]
ITEMS = [f"P{code}" for code in RNG.integers(40, size=ROWS)]
TIMES = pd.Series(
    pd.Timestamp("2023-02-01") + pd.to_timedelta(np.sort(RNG.integers(300, size=ROWS)), unit="D")
)
MONEY = pd.Series((1 + RNG.random(ROWS) * 90).round(2))


def guessed(folder: Path, name: str, columns: dict, **form) -> Guess:
    file = folder / name
    pd.DataFrame(columns).to_csv(file, index=False, **form)
    return guess_table(file)


def names(guess: Guess) -> dict[str, str]:
    return {ours: column.theirs for ours, column in guess.columns.items()}


def options(guess: Guess) -> dict[str, object]:
    return {name: value for name, (value, _) in guess.options.items()}


def test_a_german_export_is_read_by_its_names_and_signs(tmp_path):
    columns = {
        "Kundennummer": USERS,
        "Artikelnr": ITEMS,
        "Kaufdatum": TIMES.dt.strftime("%d.%m.%Y"),
        "Stück": 1,
        "Preis": MONEY,
        "Straße": "Höhe",
    }
    guess = guessed(tmp_path, "a.csv", columns, sep=";", decimal=",", encoding="latin-1")
    assert names(guess) == {
        "user_id": "Kundennummer",
        "item_id": "Artikelnr",
        "timestamp": "Kaufdatum",
        "quantity": "Stück",
        "price": "Preis",
    }
    assert options(guess) == {
        "delimiter": ";",
        "encoding": "latin-1",
        "decimal": ",",
        "time_format": "%d.%m.%Y",
    }
    assert any("encoding" in doubt for doubt in guess.doubts)


def test_few_words_are_no_script_and_chinese_ones_are_not_cyrillic(tmp_path):
    (tmp_path / "de.csv").write_bytes("Kunde,Artikel,Größe\n1,2,3\n4,5,6\n".encode("latin-1"))
    (tmp_path / "cn.csv").write_bytes(
        "顾客,商品,日期,数量,价格\n001,茶,2024年01月05日,1,2.5\n".encode("gb18030")
    )
    found = form_of(tmp_path / "de.csv")
    assert found.text.encoding == "latin-1"
    assert found.doubts
    assert form_of(tmp_path / "cn.csv").text.encoding == "gb18030"


@pytest.mark.parametrize(
    ("encoding", "columns"),
    [
        ("gb18030", ("用户编号", "商品编号", "购买日期", "单价", "苹果手机壳")),
        ("cp1251", ("покупатель", "товар", "дата", "цена", "молоко")),
        (None, ("客户", "产品", "时间", "价格", "绿茶")),
    ],
)
def test_letters_of_other_scripts_tell_the_encoding(tmp_path, encoding, columns):
    user, item, time, price, word = columns
    table = {user: USERS, item: ITEMS, time: TIMES.dt.strftime("%Y-%m-%d"), price: MONEY, "x": word}
    guess = guessed(tmp_path, "a.csv", table, encoding=encoding or "utf-8")
    assert options(guess).get("encoding") == encoding
    assert names(guess) == {"user_id": user, "item_id": item, "timestamp": time, "price": price}
    assert not guess.doubts


def dates(pattern: str, times: pd.Series) -> pd.Series:
    return times.dt.strftime(pattern)


def test_the_order_of_day_and_month_is_known_told_or_not_sure():
    assert dates_in(dates("%d/%m/%Y", TIMES)).pattern == "%d/%m/%Y"
    american = dates_in(dates("%m/%d/%Y", TIMES))
    assert (american.pattern, american.doubt) == ("%m/%d/%Y", "")
    assert "month stands first" in american.why
    first_days = pd.Series(pd.to_datetime([f"2024-{k // 12 + 1:02d}-{k % 12 + 1:02d}" for k in range(144)]))
    for pattern in ("%d/%m/%Y", "%m/%d/%Y"):
        by_order = dates_in(dates(pattern, first_days))
        assert (by_order.pattern, by_order.doubt) == (pattern, "")
        assert "in the order of time" in by_order.why
        shuffled = dates_in(dates(pattern, first_days.sample(frac=1, random_state=1)))
        assert shuffled.pattern == "%d/%m/%Y"
        assert "nothing decides" in shuffled.doubt
    assert dates_in(TIMES.dt.strftime("%Y-%m-%dT%H:%M:%S")).pattern is None
    assert dates_in(pd.Series(["apple", "pear"])) is None


def test_discounts_in_money_and_per_cent_are_told_by_their_sums(tmp_path):
    base = {"user": USERS, "item": ITEMS, "date": TIMES.dt.strftime("%Y-%m-%d"), "list_price": MONEY}
    off = pd.Series(RNG.choice([0, 10, 20], ROWS))
    per_cent = guessed(
        tmp_path, "a.csv", base | {"discount": off, "price": (MONEY * (1 - off / 100)).round(2)}
    )
    assert names(per_cent)["discount_pct"] == "discount"
    cut = (MONEY * off / 100).round(2)
    money = guessed(tmp_path, "b.csv", base | {"discount": cut, "price": (MONEY - cut).round(2)})
    assert names(money)["discount"] == "discount"
    assert not money.doubts
    unsure = guessed(tmp_path, "c.csv", {**base, "discount": cut})
    assert any("taken for money" in doubt for doubt in unsure.doubts)
    share = guessed(tmp_path, "d.csv", base | {"discount_pct": off / 100})
    assert "discount_pct" not in names(share)
    assert any("share of 1" in doubt for doubt in share.doubts)


def test_returns_guests_and_lines_of_nothing_become_steps(tmp_path):
    quantity = [-1, 0, *([1] * (ROWS - 2))]
    users = ["Gast", "", *USERS[2:]]
    receipts = ["C1", *map(str, range(1, ROWS))]
    columns = {"user": users, "item": ITEMS, "qty": quantity, "invoice": receipts, "till": 1}
    guess = guessed(tmp_path, "a.csv", columns)
    assert [entry for entry, _ in guess.cleaning] == [
        {"class_path": "Ignore", "init_args": {"columns": ["till"]}},
        {"class_path": "Guests", "init_args": {"ids": ["Gast"]}},
        "ZeroQuantities",
        {"class_path": "Returns", "init_args": {"how": "net", "prefix": "C"}},
    ]


def test_the_id_0_is_a_guest_only_with_far_more_rows_than_others(tmp_path):
    codes = [str(code % 20) for code in range(ROWS)]
    assert guessed(tmp_path, "a.csv", {"user": codes, "item": ITEMS}).cleaning == []
    many = ["0" if place % 2 else user for place, user in enumerate(codes)]
    ((entry, _),) = guessed(tmp_path, "b.csv", {"user": many, "item": ITEMS}).cleaning
    assert entry == {"class_path": "Guests", "init_args": {"ids": ["0"]}}


def test_events_get_weights_and_an_unknown_one_is_told(tmp_path):
    events = RNG.choice(["浏览", "加购", "购买", "xyz"], ROWS)
    guess = guessed(tmp_path, "a.csv", {"user": USERS, "item": ITEMS, "behavior": events})
    assert guess.events == {"浏览": 0.1, "加购": 0.3, "购买": 1.0, "xyz": 0.0}
    assert guess.targets == ["购买"]
    assert any("xyz" in doubt for doubt in guess.doubts)


def test_names_that_say_nothing_are_taken_by_values_and_told(tmp_path):
    guess = guessed(tmp_path, "a.csv", {"a": USERS, "b": ITEMS, "c": TIMES.dt.strftime("%Y-%m-%d")})
    assert names(guess) == {"timestamp": "c", "user_id": "a", "item_id": "b"}
    assert sum("only the order of the columns" in doubt for doubt in guess.doubts) == 2
    with pytest.raises(InputError, match="no column looks like it"):
        guessed(tmp_path, "b.csv", {"x": [1.5, 2.5, 3.5], "y": [0.1, 0.2, 0.3]})


def test_a_name_of_an_item_is_not_its_id(tmp_path):
    columns = {"customer": USERS, "product_name": "Tea", "product_category": "Drinks", "sku": ITEMS}
    assert names(guessed(tmp_path, "a.csv", columns)) == {"user_id": "customer", "item_id": "sku"}


def test_numbers_with_commas_need_not_be_decimals():
    assert has_decimal_commas(pd.Series(["1,5", "2", "1.234,50"]))
    assert not has_decimal_commas(pd.Series(["a,5", "2", "x"]))
    assert not has_decimal_commas(pd.Series(["1.5", "2"]))


def test_words_are_found_in_any_spelling():
    assert plain("CustomerID") == plain("customer_id") == "customer id"
    assert plain("Größe") == "groesse"
    assert fit("KUNDEN-NR", ("kundennr",)) == 3
    assert [event_kind(one) for one in ("add_to_cart", "Kauf", "PV", "Retoure", "?")] == [
        "cart",
        "purchase",
        "view",
        "return",
        None,
    ]
