"""Which of several facts of an item holds, against a loop over items, tables and weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.offers.limits.facts_in_force import ItemsOfLog, facts_in_force
from graphrec.offers.limits.item_facts import read_facts, read_item_facts

IDS = ["007", "7", "Käse", "水", "1e5", "NA"]
ITEMS = ItemsOfLog(
    pd.Index(IDS),
    pd.DataFrame(
        {"department": ["dairy", "dairy", "饮料", "饮料", None, "1"], "brand": [1.0, 2, 2, 1, 1, np.nan]},
        index=IDS,
    ),
)  # fmt: skip


def told(folder, **files: str):
    """The facts of tables that are written first."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return read_facts([folder / f"{name}.csv" for name in files])


def test_the_most_specific_holds_whatever_the_order(tmp_path):
    files = {
        "weeks": "item_id,week,cost\n007,3,9\n007,4,8\n7,,5\n",
        "items": "item_id,max_rate\n007,.1\n7,.2\n",
        "departments": "department,cost,max_rate\ndairy,1,.5\n饮料,2,.4\n",
        "brand_weeks": "brand,week,min_margin\n1,3,.3\n2,4,.4\n",
    }
    for order in (list(files), list(files)[::-1]):
        tables = told(tmp_path, **{name: files[name] for name in order})
        found = facts_in_force(tables, ITEMS, [3])
        assert found["cost"].to_dict() == pytest.approx(
            {"007": 9, "7": 5, "Käse": 2, "水": 2, "1e5": np.nan, "NA": np.nan}, nan_ok=True
        )
        none = np.nan
        assert found["max_rate"].tolist() == pytest.approx([0.1, 0.2, 0.4, 0.4, none, none], nan_ok=True)
        assert found["min_margin"].tolist() == pytest.approx([0.3, none, none, 0.3, 0.3, none], nan_ok=True)


def test_the_line_says_what_holds_and_what_does_not(tmp_path, capsys):
    tables = told(
        tmp_path, items="item_id,cost\n007,1\n水,2\n", departments="department,cost\ndairy,4\n饮料,5\n"
    )
    facts_in_force(tables, ITEMS, [3])
    said = capsys.readouterr().err
    assert "facts of 4 of 6 items: 2 by item (items.csv), 2 by department (departments.csv)" in said
    assert "2 other values do not" in said
    files = {"items": "item_id,cost\n007,1\n7,2\n", "floors": "department,max_rate\ndairy,.1\n"}
    facts_in_force(told(tmp_path, **files), ITEMS, [3])
    said = capsys.readouterr().err
    assert "facts of 2 of 6 items: 2 by item (items.csv), 2 by department (floors.csv)\n" in said


@pytest.mark.parametrize("seed", range(6))
def test_facts_are_those_of_a_loop(seed, tmp_path):
    rng = np.random.default_rng(seed)
    weeks = [int(week) for week in range(5, 5 + rng.integers(1, 4))]

    def some(keys, column, weekly):
        rows = [(key, week) for key in keys for week in ([4, 5, 6, 7, ""] if weekly else [""])]
        kept = [row for place, row in enumerate(rows) if place == len(rows) - 1 or rng.random() < 0.6]
        price = "cost" if rng.random() < 0.5 else "margin"
        names = [price, "funded_share", "max_rate", "min_margin"]
        values = rng.random((len(kept), 4)).round(3).astype(object)
        values[rng.random(values.shape) < 0.3] = ""
        frame = pd.DataFrame(values, columns=names)
        frame.insert(0, column, [key for key, _ in kept])
        return frame.assign(week=[week for _, week in kept]) if weekly else frame

    tables = {
        "items": some(IDS, "item_id", weekly=bool(rng.random() < 0.7)),
        "departments": some(["dairy", "饮料", "1"], "department", weekly=bool(rng.random() < 0.7)),
    }
    for name, frame in tables.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    found = facts_in_force(read_facts([tmp_path / f"{name}.csv" for name in tables]), ITEMS, weeks)

    def value(item, name, week):
        """(cost or margin, value) or the value, by looking from the most specific row on."""
        keys = {"items": item, "departments": ITEMS.attributes["department"][item]}
        for table, key in keys.items():
            frame = tables[table]
            mine = frame[frame.iloc[:, 0].astype(str) == str(key)]
            for when in (week, ""):
                rows = mine[mine["week"].astype(str) == str(when)] if "week" in frame else mine
                if "week" not in frame and when == week:
                    continue
                for column in [name] if isinstance(name, str) else name:
                    if column in rows and len(rows) and rows[column].iloc[0] != "":
                        return column, float(rows[column].iloc[0])
        return None

    strictest = {"cost": max, "margin": min, "funded_share": max, "max_rate": min, "min_margin": max}
    for item in IDS:
        for name in strictest:
            asked = ("cost", "margin") if name in ("cost", "margin") else name
            each = [one for week in weeks if (one := value(item, asked, week)) and one[0] == name]
            wanted = strictest[name]([number for _, number in each]) if each else np.nan
            got = found.loc[item, name] if name in found else np.nan
            assert got == pytest.approx(wanted, nan_ok=True), (item, name)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"a": "cost\n1\n"},
            "a.csv, column 'item_id': nothing says of which items",
        ),
        (
            {"a": "department,brand,cost\ndairy,1,1\n"},
            "department and brand are both attributes",
        ),
        (
            {"a": "department,stock\ndairy,4\n"},
            "units on hand of a department",
        ),
        (
            {"a": "department,cost\ndairy,1\ndairy,2\n"},
            "row 3, column 'department': 'dairy' occurs more",
        ),
        (
            {"a": "item_id,week,cost\n7,3,1\n7,4,1\n7,3,2\n"},
            "row 4, .* '7' occurs .*row 2 already for week 3",
        ),
        (
            {"a": "item_id,week,cost\n7,,1\n7,,2\n"},
            "row 3, column 'item_id': '7' occurs .*row 2 already",
        ),
        (
            {"a": "item_id,week,cost\n7,1,1\n7,2,1\n"},
            "told of weeks 1 to 2, and week 3 is decided for",
        ),
        (
            {"a": "item_id,week,cost\n7,202401,1\n7,202301,1\n"},
            "look like year and week",
        ),
        (
            {"a": "department,cost\n,1\n"},
            "row 2, column 'department': the value is missing",
        ),
        (
            {"a": "department,cost\nshoes,1\n"},
            "none of the 1 ids is one of the 3 ids",
        ),
        (
            {"a": "item_id,cost\n7,1\n", "b": "item_id,cost\n7,2\n"},
            "b.csv.* item 7 has cost 2 here and cost 1 in .*a.csv",
        ),
        (
            {"a": "item_id,cost\n7,1\n", "b": "item_id,margin\n7,.2\n"},
            "item 7 has margin 0.2 here and cost 1",
        ),
        (
            {"a": "department,max_rate\ndairy,.1\n", "b": "brand,max_rate\n1,.2\n"},
            "007 has max_rate 0.2 here and max_rate 0.1",
        ),
    ],
)
def test_what_tells_nothing_or_two_things_is_refused(files, says, tmp_path):
    with pytest.raises(InputError, match=says):
        facts_in_force(told(tmp_path, **files), ITEMS, [3])


def test_two_tables_may_say_the_same_and_different_facts(tmp_path):
    tables = told(tmp_path, a="item_id,cost\n7,1\n", b="item_id,cost,max_rate\n7,1,.2\n")
    assert facts_in_force(tables, ITEMS, [3]).loc["7"].tolist() == [1, 0.2]


def test_weeks_without_a_week_that_is_decided_for_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"the log has no weeks.*--week"):
        facts_in_force(told(tmp_path, a="item_id,week,cost\n7,3,1\n"), ITEMS, None)


def test_rows_of_other_weeks_beside_rows_of_all_weeks_are_told(tmp_path, capsys):
    tables = told(tmp_path, a="item_id,week,cost\n7,1,1\n7,,4\n")
    assert facts_in_force(tables, ITEMS, [3]).loc["7", "cost"] == 4
    assert "its rows without a week hold" in capsys.readouterr().err


def test_an_attribute_is_mapped_as_any_column(tmp_path):
    (tmp_path / "a.csv").write_text("Warengruppe;ek;brand\ndairy;1,5;x\n", encoding="utf-8")
    from graphrec.data.tables.read import TextFormat

    columns = {"department": "Warengruppe", "cost": "ek", "brand": None}
    tables = read_facts([tmp_path / "a.csv"], columns, TextFormat(";", decimal=","))
    assert facts_in_force(tables, ITEMS, [3])["cost"].tolist()[:2] == [1.5, 1.5]


def test_a_mapping_holds_for_the_tables_that_have_its_column(tmp_path):
    (tmp_path / "a.csv").write_text("sku,ek\n7,1\n")
    (tmp_path / "b.csv").write_text("department,max_rate\ndairy,.2\n")
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    found = facts_in_force(read_facts(paths, {"item_id": "sku", "cost": "ek"}), ITEMS, [3])
    assert found.loc["7"].tolist() == [1, 0.2]
    with pytest.raises(InputError, match="column 'nope': this column is missing"):
        read_facts(paths, {"cost": "nope"})


def test_a_table_of_stock_alone_has_a_fact(tmp_path):
    (tmp_path / "a.csv").write_text("item_id,stock\n7,3\n")
    assert read_item_facts(tmp_path / "a.csv").told == ["stock"]
