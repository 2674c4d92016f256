"""The widest gap between groups: planted ones, coverage of its interval where there is none, small groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from graphrec.data.interactions import IdMap, Interactions
from graphrec.evaluation.groups.gap import FEWEST, widest_gap
from graphrec.evaluation.groups.user_facts import user_facts


def groups(seed: int, *means: float, size: int = 200) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {f"g{place}": rng.normal(mean, 0.3, size) for place, mean in enumerate(means)}


def test_a_planted_gap_is_found_with_its_groups_and_sizes():
    found = widest_gap({**groups(0, 0.2, 0.5, 0.3), "few": np.full(FEWEST - 1, 9.0)})
    assert found is not None
    assert (found.best, found.worst, found.best_users, found.worst_users) == ("g1", "g0", 200, 200)
    assert found.left_out == FEWEST - 1
    assert found.low < 0.3 < found.high
    assert found.low > 0.1
    half = 2.394 * np.sqrt(2 * 0.3**2 / 200)  # of three pairs: the quantile of 1 - 0.05 / 3 / 2
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)


def test_alike_groups_are_rarely_told_apart():
    """Of 60 shops with six groups that are served alike, 5 % or fewer have an interval without 0."""
    apart = [widest_gap(groups(seed, *[0.3] * 6, size=60), replicates=400) for seed in range(60)]
    assert np.mean([gap is not None and gap.low > 0 for gap in apart]) <= 0.12


def test_one_group_or_small_ones_have_no_gap():
    assert widest_gap(groups(0, 0.1)) is None
    assert widest_gap({"a": np.zeros(100), "b": np.ones(FEWEST - 1)}) is None
    same = widest_gap({"a": np.ones(40), "b": np.ones(40)})
    assert same is not None
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def log() -> Interactions:
    days = pd.to_datetime(["2024-01-01", "2024-01-11", "2024-01-31", "2024-01-21"])
    frame = pd.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 0], "timestamp": days})
    return Interactions(frame, IdMap(np.array(["u0", "u1", "u2", "u3"])), IdMap(np.array(["a", "b"])))


def test_facts_of_users_follow_from_their_rows():
    found = user_facts(log())
    assert found["train_interactions"].tolist() == [2, 1, 1, 0]
    assert found["train_buyers"].tolist()[:3] == [2, 2, 2]
    assert found["days_since_last"].tolist()[:3] == [20, 0, 10]
    assert found.loc[3, ["train_buyers", "days_since_last"]].isna().all()


def test_attributes_join_by_id_and_names_like_measures_are_told_apart():
    people = pd.DataFrame(
        {"user_id": ["u3", "u1", "u0", "u2"], "town": ["Ulm", "Bern", "Ulm", "Bern"], "age_45": [4, 2, 1, 3]}
    )
    found = user_facts(log(), people)
    assert found["town"].tolist() == ["Ulm", "Bern", "Bern", "Ulm"]
    assert found["user age_45"].tolist() == [1, 2, 3, 4]


def test_an_attribute_of_many_words_makes_no_groups():
    frame = pd.DataFrame({"user": np.arange(13), "item": 0})
    ids = [f"u{user:02d}" for user in range(13)]
    whole = Interactions(frame, IdMap(np.array(ids)), IdMap(np.array(["a"])))
    people = pd.DataFrame({"user_id": ids, "name": [f"n{user}" for user in range(13)], "half": "ab"[0]})
    found = user_facts(whole, people)
    assert "name" not in found
    assert "half" in found
