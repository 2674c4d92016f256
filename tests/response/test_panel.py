from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError
from graphrec.response.panel import Asked, build_panel
from graphrec.response.panel_files import read_panel, write_panel
from graphrec.response.visits import VisitOptions, find_visits

OPTIONS = VisitOptions(history_end=10, last_week=20, min_bought_weeks=2, min_sold_weeks=8)
GROUPS = ["item_id", "department"]
CHANGED_WEEK = 15


@pytest.fixture(scope="module")
def source():
    return synthetic(80, 30, seed=3, density=4.0)


@pytest.fixture(scope="module")
def panel(source):
    return build_panel(source, find_visits(source.log, OPTIONS), asked=Asked(GROUPS))


def test_every_feature_is_a_number(panel):
    assert panel.features.shape == (len(panel.rows), len(panel.names))
    assert np.isfinite(panel.features).all()
    assert len(set(panel.names)) == len(panel.names)
    assert panel.rows["week"].between(11, 20).all()
    assert 0 < panel.rows["bought"].mean() < 1


def test_features_do_not_know_who_buys_in_the_week_or_later(source, panel):
    """Purchases from a week on are dealt out anew, on the same visits and at the same prices."""
    log = source.log.copy()
    late = log["week"] >= CHANGED_WEEK
    rng = np.random.default_rng(0)
    for _, rows in log[late].groupby("week"):
        items = ["item_id", "regular_price", "shelf_price"]
        log.loc[rows.index, items] = rows[items].to_numpy()[rng.permutation(len(rows))]
    key = ["user_id", "item_id", "week"]
    changed = build_panel(
        dataclasses.replace(source, log=log), find_visits(log, OPTIONS), asked=Asked(GROUPS)
    )
    both = panel.rows.reset_index().merge(changed.rows.reset_index(), on=key, suffixes=("", "_new"))
    assert (both["bought"] != both["bought_new"])[both["week"] >= CHANGED_WEEK].any()
    until = both[both["week"] <= CHANGED_WEEK]
    assert len(until) > 100
    before, after = panel.features[until["index"]], changed.features[until["index_new"]]
    assert np.array_equal(before, after)
    later = both[both["week"] > CHANGED_WEEK]
    assert not np.array_equal(panel.features[later["index"]], changed.features[later["index_new"]])


def test_without_rolling_all_rows_of_a_pair_know_the_same_history(source, panel):
    fixed = build_panel(source, find_visits(source.log, OPTIONS), asked=Asked(GROUPS), rolling=False)
    place = fixed.names.index("pair_recency")
    rows = fixed.rows.assign(value=fixed.features[:, place])
    assert len(rows[["user_id", "item_id", "value"]].drop_duplicates()) == len(
        rows.groupby(["user_id", "item_id"])
    )
    first = (panel.rows["week"] == 11).to_numpy()
    assert np.array_equal(fixed.features[first], panel.features[first])


def test_a_pair_feature_by_hand(source, panel):
    row = panel.rows.iloc[len(panel.rows) // 2]
    mine = source.log[(source.log["user_id"] == row["user_id"]) & (source.log["week"] < row["week"])]
    weeks = mine.loc[mine["item_id"] == row["item_id"], "week"].unique()
    visits = mine["week"].nunique()
    value = dict(zip(panel.names, panel.features[len(panel.rows) // 2], strict=True))
    assert value["pair_weeks"] == pytest.approx(np.log1p(len(weeks)))
    assert value["pair_recency"] == pytest.approx(np.log(row["week"] - weeks.max()))
    assert value["pair_rate"] == pytest.approx(np.log((len(weeks) + 0.2) / (visits + 2)))
    missed = mine.loc[mine["week"] > weeks.max(), "week"].nunique()
    assert value["pair_missed"] == pytest.approx(np.log1p(missed))


def test_a_file_keeps_everything(panel, tmp_path):
    again = read_panel(write_panel(panel, tmp_path / "panel.parquet"))
    pd.testing.assert_frame_equal(again.rows, panel.rows)
    assert np.array_equal(again.features, panel.features)
    assert np.array_equal(again.groups, panel.groups)
    assert (again.names, again.group_sizes) == (panel.names, panel.group_sizes)
    assert [path.name for path in tmp_path.iterdir()] == ["panel.parquet"]


def test_an_unknown_group_is_named(source):
    with pytest.raises(InputError, match="column 'colour': items have no such attribute; choose among"):
        build_panel(source, find_visits(source.log, OPTIONS), asked=Asked(["colour"]))


def test_a_group_feature_by_hand(source, panel):
    row, place = panel.rows.iloc[len(panel.rows) // 3], len(panel.rows) // 3
    department = source.items.set_index("item_id")["department"]
    mine = source.log[(source.log["user_id"] == row["user_id"]) & (source.log["week"] < row["week"])]
    weeks = mine.loc[mine["item_id"].map(department) == department[row["item_id"]], "week"].unique()
    value = dict(zip(panel.names, panel.features[place], strict=True))
    assert value["department_rate"] == pytest.approx(
        np.log((len(weeks) + 0.4) / (mine["week"].nunique() + 2))
    )
    assert value["department_recency"] == pytest.approx(np.log(row["week"] - weeks.max()))
