"""Personal offers of a table: how they are read, what they make of a row, and of whom they tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError
from graphrec.response.data import ResponseData
from graphrec.response.personal.offers import OfferTable, Personal, read_offers
from graphrec.response.visits import VisitOptions, find_visits

LOG = pd.DataFrame(
    [
        ("007", "牛奶", 1),
        ("007", "牛奶", 2),
        ("007", "牛奶", 5),
        ("b", "牛奶", 3),
        ("b", "tea", 4),
        ("b", "tea", 5),
    ],
    columns=["user_id", "item_id", "week"],
).assign(regular_price=2.0, shelf_price=2.0)
WINDOWS = VisitOptions(history_end=3, last_week=5, min_bought_weeks=2, min_sold_weeks=1)


def written(folder, rows, columns=("user_id", "item_id", "week", "rate"), **how) -> str:
    path = folder / "offers.csv"
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False, **how)
    return str(path)


def test_a_pair_with_an_offer_is_a_row_in_every_week_whether_or_not_the_user_came(tmp_path):
    path = written(tmp_path, [("b", "牛奶", 4, 0.2), ("new", "tea", 5, 0.3), ("007", "牛奶", 4, 0.5)])
    offers = read_offers(OfferTable(path), LOG)
    visits = find_visits(LOG, WINDOWS, offered=offers)
    pair, column = visits.rows
    ids = list(zip(visits.users.ids[visits.user], visits.items.ids[visits.item], strict=True))
    assert ids == [("007", "牛奶"), ("b", "牛奶"), ("new", "tea")]
    assert sorted((ids[p], int(c) + 1) for p, c in zip(pair, column, strict=True)) == [
        (one, week) for one in ids for week in (4, 5)
    ]
    personal = Personal.of(offers, visits)
    assert personal.rate[:, 3:].tolist() == [[0.5, 0.0], [0.2, 0.0], [0.0, 0.3]]
    assert np.isnan(personal.propensity).all()
    assert not visits.bought[2].any(), "somebody who bought nothing is an observation, too"


def test_a_row_has_the_personal_rate_off_what_the_shelf_asks_for(tmp_path):
    source = synthetic(60, 20, seed=2, density=4.0)
    pairs = source.log[["user_id", "item_id"]].drop_duplicates().head(200)
    path = written(tmp_path, pairs.assign(week=13, rate=0.25).to_numpy())
    options = VisitOptions(history_end=10, last_week=20, min_bought_weeks=1, min_sold_weeks=8)
    panels = [
        ResponseData(source, options, 15, 17, offers=offers).panel.rows for offers in (None, OfferTable(path))
    ]
    both = panels[1].merge(panels[0], on=["user_id", "item_id", "week"], suffixes=("", "_shelf"))
    assert len(both) == len(panels[0]) < len(panels[1])
    assert both["rate"].to_numpy() == pytest.approx(1 - (1 - both["rate_shelf"]) * (1 - both["personal"]))
    here = both[both["week"] == 13].merge(pairs)
    assert len(here) > 20
    assert (here["personal"] == 0.25).all()
    assert (both["personal"] > 0).sum() == len(here)


def test_the_table_is_read_as_any_other(tmp_path):
    rows = [("007", "牛奶", 4, 0.2, 0.5, 1), ("b", "soap", 4, 0.2, 0.5, 0)]
    names = ("kunde", "ware", "woche", "rabatt", "p", "genutzt")
    path = written(tmp_path, rows, names, sep=";", encoding="utf-16")
    mapping = dict(zip(("user_id", "item_id", "week", "rate", "propensity", "redeemed"), names, strict=True))
    offers = read_offers(OfferTable(path, mapping, ";", "utf-16"), LOG)
    assert list(offers) == list(mapping)
    assert offers.to_numpy().tolist() == [["007", "牛奶", 4, 0.2, 0.5, 1.0]]


def test_what_is_left_out_or_does_not_fit_is_told(tmp_path, capfd):
    rows = [("007", "牛奶", 4, 0.2, 1), ("b", "soap", 4, 0.2, 0)]
    path = written(tmp_path, rows, ("user_id", "item_id", "week", "rate", "redeemed"))
    read_offers(OfferTable(path), LOG)
    said = capfd.readouterr().err
    assert "1 offers are on what is not in the log" in said
    assert "1 of 1 redeemed offers have no purchase in the log" in said


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ([("b", "tea", 4, 1.0)], None, "row 2, column 'rate': 1 is not below 1"),
        ([("b", "tea", 4, 0.1)] * 2, None, "row 3, column 'rate': b has two offers on tea in week 4"),
        ([("b", "tea", 4)], ("user_id", "item_id", "week"), "column 'rate': this column is missing"),
        ([("b", "tea", 4, 20)], None, "is not between 0 and 1"),
        ([("x", "y", 4, 0.1)], None, "none of the 1 ids is one of the 2 ids of the log"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, rows, columns, says):
    path = written(tmp_path, rows, columns or ("user_id", "item_id", "week", "rate"))
    with pytest.raises(InputError, match=says):
        read_offers(OfferTable(path), LOG)


def test_history_of_offers_is_known_before_the_week_and_not_in_it(tmp_path):
    visits = find_visits(LOG, WINDOWS, offered=LOG[["user_id", "item_id"]])
    rows = [("b", "tea", 3, 0.2), ("b", "tea", 5, 0.4)]
    offers = read_offers(OfferTable(written(tmp_path, rows)), LOG)
    table = dict(Personal.of(offers, visits).features(visits))
    mine = [str(visits.items.ids[item]) for item in visits.item].index("tea")
    assert table["pair_offers"][mine].tolist() == pytest.approx([0, 0, 0, 1 / 3, 1 / 4])
    later = dict(Personal.of(replace_rate(offers), visits).features(visits))
    for name, values in table.items():
        assert np.array_equal(values[:, :5], later[name][:, :5]), name


def replace_rate(offers: pd.DataFrame) -> pd.DataFrame:
    return offers.assign(rate=np.where(offers["week"] == 5, 0.9, offers["rate"]))


def test_numbers_of_the_log_join_numbers_of_the_table(tmp_path):
    log = replace(synthetic(20, 10, density=3.0)).log
    numbered = log.assign(**{name: log[name].str[-5:].astype(int) for name in ("user_id", "item_id")})
    offers = read_offers(OfferTable(written(tmp_path, [(3, 4, 5, 0.1)])), numbered)
    assert offers[["user_id", "item_id"]].to_numpy().tolist() == [[3, 4]]
    assert offers["user_id"].dtype == numbered["user_id"].dtype


def test_an_offer_of_several_weeks_holds_in_each_of_them(tmp_path):
    rows = [("b", "tea", 3, 0.2, 2, 1), ("007", "tea", 5, 0.3, 1, 0), ("007", "tea", 4, 0.1, None, 0)]
    names = ("user_id", "item_id", "week", "rate", "horizon", "redeemed")
    offers = read_offers(OfferTable(written(tmp_path, rows, names)), LOG)
    assert offers[["week", "rate"]].to_numpy().tolist() == [[3, 0.2], [4, 0.2], [5, 0.3], [4, 0.1]]
    assert offers["redeemed"].isna().tolist() == [True, True, False, False]
    over = [("b", "tea", 3, 0.2, 3), ("b", "tea", 5, 0.3, 1)]
    with pytest.raises(InputError, match="row 3, column 'rate': b has two offers on tea in week 5"):
        read_offers(OfferTable(written(tmp_path, over, names[:5])), LOG)
