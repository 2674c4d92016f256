"""Attributes and ratings of users among the features of a response."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from graphrec.data.datasets.synthetic import synthetic
from graphrec.errors import InputError
from graphrec.response.panel import Asked, build_panel
from graphrec.response.visits import VisitOptions, find_visits

OPTIONS = VisitOptions(history_end=10, last_week=20, min_bought_weeks=2, min_sold_weeks=8)


@pytest.fixture(scope="module")
def source():
    return synthetic(60, 20, seed=3, density=4.0)


def panel_of(source, people=()):
    return build_panel(source, find_visits(source.log, OPTIONS), asked=Asked(["item_id"], people))


def column(panel, name):
    return panel.features[:, panel.names.index(name)]


def test_levels_and_numbers_become_features_and_missing_ones_say_so(source):
    users = source.users.assign(children=np.arange(60.0) % 4, smoker=np.arange(60) % 2 == 0).iloc[5:]
    users.loc[users.index % 7 == 0, ["age", "children"]] = None
    panel = panel_of(replace(source, users=users), ("age", "children", "smoker"))
    mine = panel.rows[["user_id"]].merge(users, how="left", on="user_id")
    for level in users["age"].dropna().unique():
        assert np.array_equal(column(panel, f"user_is_age_{level}"), mine["age"] == level)
    assert np.array_equal(column(panel, "user_is_age_unknown"), mine["age"].isna())
    children = mine["children"].fillna(users["children"].median())
    assert np.array_equal(column(panel, "user_is_children"), children.astype("float32"))
    assert np.array_equal(column(panel, "user_is_children_unknown"), mine["children"].isna())
    assert np.array_equal(column(panel, "user_is_smoker_True"), mine["smoker"].astype("str") == "True")


def test_nothing_is_added_unasked(source):
    names = panel_of(source).names
    assert not [name for name in names if name.startswith("user_is_") or "rating" in name]


def test_what_is_no_attribute_is_named(source):
    with pytest.raises(
        InputError, match="column 'income': users have no such attribute; choose among block, age"
    ):
        panel_of(source, ("income",))
    with pytest.raises(InputError, match="give a table of users"):
        panel_of(replace(source, users=None), ("age",))
    many = source.users.assign(town=[f"town {i}" for i in range(60)])
    with pytest.raises(InputError, match="column 'town': this attribute has 61 levels"):
        panel_of(replace(source, users=many), ("town",))


def test_ratings_of_earlier_weeks_are_averaged_where_the_log_has_them(source):
    rng = np.random.default_rng(0)
    log = source.log.assign(rating=rng.integers(1, 6, len(source.log)), rating_missing=0)
    log.loc[log.index % 5 == 0, "rating_missing"] = 1
    panel = panel_of(replace(source, log=log))
    rated = log[log["rating_missing"] == 0]
    for name, key in (("user_rating", "user_id"), ("item_rating", "item_id")):
        place = len(panel.rows) // 2
        row = panel.rows.iloc[place]
        before = rated[rated["week"] < row["week"]]
        mine = before[before[key] == row[key]]["rating"]
        centre = before["rating"].sum() / (len(before) + 3)
        expected = (mine.sum() + 3 * centre) / (len(mine) + 3)
        assert column(panel, name)[place] == pytest.approx(expected, rel=1e-5)


def test_a_user_may_have_effects_of_its_own(source):
    panel = build_panel(source, find_visits(source.log, OPTIONS), asked=Asked(["item_id", "user_id"]))
    codes = pd.Index(np.unique(panel.rows["user_id"])).get_indexer(panel.rows["user_id"])
    assert np.array_equal(panel.groups[:, 1], codes)
    assert panel.group_sizes[1] == panel.rows["user_id"].nunique()
