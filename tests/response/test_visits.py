from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.data.interactions import IdMap
from graphrec.errors import InputError
from graphrec.response.shelf import USUAL_WEEKS, PromotionTable, Shelf, build_shelf, read_promotions
from graphrec.response.visits import VisitOptions, find_visits, visits_of

LOG = pd.DataFrame(
    [
        ("a", "milk", 1, 2.0, 2.0),
        ("a", "milk", 2, 2.0, 1.0),
        ("a", "milk", 2, 2.0, 1.0),
        ("a", "tea", 4, 5.0, 5.0),
        ("a", "milk", 5, 2.0, 1.5),
        ("b", "milk", 1, 4.0, 4.0),
        ("b", "tea", 2, 5.0, 5.0),
        ("b", "tea", 3, 6.0, 6.6),
    ],
    columns=["user_id", "item_id", "week", "regular_price", "shelf_price"],
)
OPTIONS = VisitOptions(history_end=3, last_week=5, min_bought_weeks=2, min_sold_weeks=1)


def test_rows_are_the_visits_of_pairs_that_were_bought_often_enough():
    visits = find_visits(LOG, OPTIONS)
    pairs = list(zip(visits.users.ids[visits.user], visits.items.ids[visits.item], strict=True))
    assert pairs == [("a", "milk"), ("b", "tea")]
    pair, column = visits.rows
    # b never came back, so only a's two later visits are rows; milk was bought on the second
    assert [(pairs[p], c + 1, bool(visits.bought[p, c])) for p, c in zip(pair, column, strict=True)] == [
        (("a", "milk"), 4, False),
        (("a", "milk"), 5, True),
    ]
    assert visits.visited.astype(int).tolist() == [[1, 1, 0, 1, 1], [1, 1, 1, 0, 0]]


def test_items_can_be_limited_and_must_be_sold_often():
    visits = find_visits(LOG, OPTIONS, IdMap(np.array(["tea"])))
    assert visits.items.ids.tolist() == ["tea"]
    often = VisitOptions(history_end=3, last_week=5, min_bought_weeks=2, min_sold_weeks=4)
    with pytest.raises(InputError, match="no pair"):
        find_visits(LOG, often)


def test_given_pairs_keep_their_purchases():
    pairs = pd.DataFrame({"user_id": ["b", "a"], "item_id": ["milk", "tea"]})
    visits = visits_of(LOG, pairs, 5, 3)
    assert visits.users.ids[visits.user].tolist() == ["a", "b"]
    assert visits.bought.astype(int).tolist() == [[0, 0, 0, 1, 0], [1, 0, 0, 0, 0]]


def test_the_shelf_is_the_median_and_is_carried_over_unsold_weeks():
    shelf = build_shelf(LOG, IdMap(np.array(["milk", "tea"])), 5)
    assert shelf.price.tolist() == [[3.0, 2.0, 2.0, 2.0, 2.0], [5.0, 5.0, 6.0, 5.0, 5.0]]
    assert shelf.depth[0].tolist() == [0.0, 0.5, 0.5, 0.5, 0.25]
    assert shelf.depth[1].tolist() == [0.0] * 5  # a shelf price above the regular one is no discount
    assert shelf.sold.astype(int).tolist() == [[1, 1, 0, 0, 1], [0, 1, 1, 1, 0]]


def shelf_of(price, depth):
    price, depth = np.array([price]), np.array([depth])
    none = np.zeros_like(depth)
    return Shelf(IdMap(np.array(["milk"])), price, depth, none == 0, none, none)


def test_a_list_price_that_nobody_pays_is_no_reference():
    # after a week at the list price 20 % off, but 40 % in the last week but one; then a new list price
    depth = [0.0] + [0.2] * (USUAL_WEEKS + 2) + [0.4, 0.0]
    shelf = shelf_of([5.0] * (len(depth) - 1) + [4.0], depth)
    forgotten = USUAL_WEEKS + 1  # the first week after those that remember the full price
    assert shelf.usual_depth[0, :forgotten].tolist() == [0.0] * forgotten
    assert shelf.usual_depth[0, forgotten:] == pytest.approx([0.2, 0.2, 0.2, 0.0])
    assert shelf.saving[0, 1:forgotten] == pytest.approx(0.2)
    assert shelf.saving[0, forgotten:] == pytest.approx([0.0, 0.0, 0.25, 0.0])


def test_a_higher_price_than_usual_saves_nothing():
    shelf = shelf_of([2.0, 2.0, 3.0], [0.5, 0.5, 0.0])
    assert shelf.usual_depth[0] == pytest.approx([0.0, 0.5, 2 / 3])
    assert shelf.saving[0] == pytest.approx([0.5, 0.0, 0.0])


def test_the_usual_price_does_not_know_the_week_itself():
    before = shelf_of([5.0] * 4, [0.1, 0.2, 0.3, 0.0])
    after = shelf_of([5.0] * 4, [0.1, 0.2, 0.3, 0.5])
    assert (before.usual_depth == after.usual_depth).all()


def test_promotions_are_shares_and_0_elsewhere(tmp_path):
    file = tmp_path / "promotions.csv"
    file.write_text("item_id,week,display,mailer\nmilk,2,0.5,1\nsoap,2,1,1\nmilk,9,1,1\n")
    items = IdMap(np.array(["milk", "tea"]))
    shelf = build_shelf(LOG, items, 5, read_promotions(str(file), items))
    assert shelf.display.tolist() == [[0, 0.5, 0, 0, 0], [0] * 5]
    assert shelf.mailer[0].tolist() == [0, 1, 0, 0, 0]


def test_promotions_may_be_named_otherwise_and_join_the_log(tmp_path, capsys):
    file, items = tmp_path / "p.csv", IdMap(np.array(["7", "8"]))
    file.write_text("Artikel;Woche;display;mailer\n7.0;2;0.5;1\n8.0;3;1;0\n", encoding="utf-16")
    table = PromotionTable(str(file), {"item_id": "Artikel", "week": "Woche"}, ";", "utf-16")
    read = read_promotions(table, items)
    assert read[["item_id", "week", "display"]].values.tolist() == [["7", 2, 0.5], ["8", 3, 1.0]]
    with pytest.raises(InputError, match="none of the 2 ids is one of the 1 ids of the log"):
        read_promotions(table, items, known=["x7"])
    assert not capsys.readouterr().err
    read_promotions(table, items, known=["7", "x8", "x9"])
    assert "only 1 of 2 ids join those of the log" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("milk,2,0.5,1\nmilk,2,1,1\n", "row 3: item milk has week 2 twice"),
        ("milk,202352,1,1\nmilk,202401,1,1\n", "weeks 202352 to 202401 look like year and week"),
        ("milk,1e300,1,1\n", "are no weeks of a shop"),
        ("soap,2,1,1\n", "none of the 1 ids"),
    ],
)
def test_promotions_that_would_be_lost_are_refused(tmp_path, rows, says):
    file = tmp_path / "p.csv"
    file.write_text(f"item_id,week,display,mailer\n{rows}")
    with pytest.raises(InputError, match=says):
        read_promotions(str(file), IdMap(np.array(["milk"])))


def test_mistakes_are_named(tmp_path):
    with pytest.raises(InputError, match="column 'shelf_price'"):
        build_shelf(LOG.drop(columns="shelf_price"), IdMap(np.array(["milk"])), 5)
    with pytest.raises(InputError, match="item soap has no regular price"):
        build_shelf(LOG, IdMap(np.array(["milk", "soap"])), 5)
    with pytest.raises(InputError, match="column 'week'"):
        find_visits(LOG.drop(columns="week"), OPTIONS)
    with pytest.raises(InputError, match=r"the log has weeks 10\d to 10\d, and weeks 1 to"):
        find_visits(LOG.assign(week=LOG["week"] + 100), OPTIONS)
    with pytest.raises(InputError, match="last_week"):
        VisitOptions(history_end=5, last_week=5)
    (tmp_path / "p.csv").write_text("item_id,week,display\nmilk,2,0.5\n")
    with pytest.raises(InputError, match="column 'mailer'"):
        read_promotions(str(tmp_path / "p.csv"), IdMap(np.array(["milk"])))
