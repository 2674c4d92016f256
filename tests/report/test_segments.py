"""Groups of users: words, numbers with ties, tests of older versions, and intervals against a formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.report.segments import segments
from graphrec.report.users import Experiment


def experiment(label: str, users: int = 400, seed: int = 0, **said: object) -> Experiment:
    rng = np.random.default_rng(seed)
    index = pd.Index([f"u{user}" for user in range(users)], name="user_id")
    frame = pd.DataFrame({"ndcg_20": rng.uniform(size=users), **said}, index=index)
    return Experiment(label, "shop", "a" * 64, {"all": frame})


def test_words_make_a_segment_each_and_numbers_four_of_one_size():
    towns = np.array(["Bern", "Ulm"])[np.arange(400) % 2]
    one = experiment("a", town=towns, train_interactions=np.arange(400))
    table = segments(([one], []), 20).table
    values = one.values["all"]["ndcg_20"].to_numpy()
    by_town = table[table["by"] == "town"].set_index("segment")
    assert by_town.index.tolist() == ["Bern", "Ulm"]
    assert by_town["value"].tolist() == pytest.approx([values[::2].mean(), values[1::2].mean()])
    by_rows = table[table["by"] == "train_interactions"]
    assert by_rows["segment"].tolist() == ["0–99", "100–199", "200–299", "300–399"]
    assert by_rows["users"].tolist() == [100] * 4
    assert by_rows["value"].tolist() == pytest.approx([part.mean() for part in np.split(values, 4)])
    half = 1.96 * np.array([part.std() for part in np.split(values, 4)]) / 10
    assert ((by_rows["high"] - by_rows["low"]) / 2).tolist() == pytest.approx(half, rel=0.1)


@pytest.mark.parametrize("values", [[1] * 390 + [2] * 10, [1, 1, 1, 7] * 100, list(range(1, 4)) * 133 + [9]])
def test_ties_stay_together_and_nobody_is_lost(values):
    table = segments(([experiment("a", train_interactions=values)], []), 20).table
    assert table["users"].sum() == 400
    for name, users in table[["segment", "users"]].to_numpy():
        bounds = [int(bound) for bound in name.split("–")]
        assert users == sum(bounds[0] <= value <= bounds[-1] for value in values)


def test_one_value_or_too_many_words_make_no_segments():
    names = [f"n{user}" for user in range(400)]
    one = experiment("a", train_interactions=[5] * 400, name=names, same="x")
    assert segments(([one], []), 20).table.empty


def test_all_experiments_of_a_split_are_cut_alike():
    """The second lacks half of the users, and would be cut elsewhere by itself."""
    first = experiment("a", train_interactions=np.arange(400))
    second = experiment("b", users=200, seed=1, train_interactions=np.arange(200))
    table = segments(([first, second], []), 20).table
    of_second = table[table["run"] == "b"]
    assert of_second["segment"].tolist() == ["0–99", "100–199"]
    assert of_second["users"].tolist() == [100, 100]


def test_a_test_of_an_older_version_is_named_and_the_others_stay():
    new = experiment("new", train_interactions=np.arange(400))
    found = segments(([experiment("old"), new], ["said before"]), 20)
    assert set(found.table["run"]) == {"new"}
    assert found.left_out == [
        "said before", "old: its test says nothing of its users' history; test it again"
    ]  # fmt: skip


def test_users_whom_training_does_not_know_are_a_segment_of_their_own():
    buyers = np.where(np.arange(400) < 50, np.nan, np.arange(400) / 7)
    table = segments(([experiment("a", train_interactions=[5] * 400, train_buyers=buyers)], []), 20).table
    own = table.set_index("segment")
    assert own.loc["no row", "users"] == 50
    assert own["users"].sum() == 400
    assert own.index.tolist()[0] == "7.143–19.57"


def test_groups_of_people_have_a_gap_and_groups_of_behaviour_none():
    towns = np.array(["Bern", "Ulm", "Rom", "Rom"])[np.arange(400) % 4]
    one = experiment("a", town=towns, train_interactions=np.arange(400))
    frame = one.values["all"]
    frame.loc[frame["town"] == "Ulm", "ndcg_20"] += 1
    (gap,) = segments(([one], []), 20).gaps.to_dict("records")
    assert (gap["by"], gap["best"], gap["best_users"]) == ("town", "Ulm", 100)
    assert gap["low"] < gap["difference"] < gap["high"]
    means = frame.groupby("town")["ndcg_20"].mean()
    assert gap["worst"] == means.idxmin()
    assert gap["difference"] == pytest.approx(means.max() - means.min())
