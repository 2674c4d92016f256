from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.offers.limits.exposure import Frequency, check_past, read_exposure

PAST = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"], "week": [10, 8, 3]})
PAIRS = pd.DataFrame({"user_id": ["a", "a", "a", "b"], "item_id": ["x", "y", "z", "x"]})


@pytest.mark.parametrize(
    ("weeks", "cooling"),
    [
        (0, [False, False, False, False]),
        (1, [True, False, False, False]),
        (3, [True, True, False, False]),
        (8, [True, True, False, True]),
    ],
)
def test_a_pair_cools_down_for_so_many_weeks(weeks, cooling):
    assert Frequency(cool_down_weeks=weeks).cooling(PAIRS, PAST, week=11).tolist() == cooling
    assert not Frequency(cool_down_weeks=weeks).cooling(PAIRS, None, week=11).any()


def test_offers_of_the_window_are_taken_off_the_quota():
    users = pd.Index(["a", "b", "c"])
    assert Frequency(max_offers=2, window_weeks=2).quota(users, PAST, 11).tolist() == [1, 2, 2]
    assert Frequency(max_offers=2, window_weeks=4).quota(users, PAST, 11).tolist() == [0, 2, 2]
    assert Frequency(max_offers=1, window_weeks=4).quota(users, PAST, 11).tolist() == [0, 1, 1]
    assert Frequency().quota(users, PAST, 11) is None
    assert Frequency(max_offers=3).quota(users, None, 11).tolist() == [3, 3, 3]


def test_ids_of_a_csv_are_those_of_the_log_as_text(tmp_path):
    pd.DataFrame({"user_id": [1], "item_id": [7], "week": [10]}).to_csv(tmp_path / "past.csv", index=False)
    past = read_exposure(tmp_path / "past.csv")
    pairs = pd.DataFrame({"user_id": ["1", "1"], "item_id": ["7", "8"]})
    assert Frequency(cool_down_weeks=2).cooling(pairs, past, 11).tolist() == [True, False]


def test_an_offers_table_serves_as_past_offers_and_rate_0_is_none(tmp_path):
    PAST.assign(rate=[0.1, 0.0, 0.2]).to_parquet(tmp_path / "past.parquet")
    assert len(read_exposure(tmp_path / "past.parquet")) == 2


@pytest.mark.parametrize(
    ("frequency", "says"),
    [
        (Frequency(cool_down_weeks=1), None),
        (Frequency(max_offers=1, window_weeks=3), None),
        (Frequency(max_offers=1, cool_down_weeks=2), "weeks 3 to 10 and change nothing: only weeks 11 to 12"),
        (Frequency(cool_down_weeks=1, window_weeks=9), "only weeks 12 to 12 count"),
    ],
)
def test_past_offers_that_are_too_old_to_count_are_told(frequency, says, capsys):
    check_past(PAST, 13 if says else 11, Path("past.csv"), frequency)
    said = capsys.readouterr().err
    assert says in said if says else not said


@pytest.mark.parametrize("weeks", [[202352, 202401, 202402], [1e300, 1, 2], [-1e300, 1, 2]])
def test_numbers_that_are_no_weeks_are_refused(tmp_path, weeks):
    PAST.assign(week=weeks).to_csv(tmp_path / "past.csv", index=False)
    with pytest.raises(InputError, match=r"past\.csv, column 'week': weeks .* (year and week|no weeks)"):
        read_exposure(tmp_path / "past.csv")


def test_what_is_wrong_is_named_with_its_row(tmp_path):
    path = tmp_path / "past.csv"
    with pytest.raises(InputError, match=r"past\.csv.*no such file"):
        read_exposure(path)
    PAST.drop(columns="week").to_csv(path, index=False)
    with pytest.raises(InputError, match=r"past\.csv, column 'week'"):
        read_exposure(path)
    PAST.assign(week=[1, "May", 2]).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"past\.csv, row 3, column 'week': 'May' is not a number"):
        read_exposure(path)
    PAST.assign(rate=[0.1, None, None]).to_csv(path, index=False)
    with pytest.raises(InputError, match=r"row 3, column 'rate': the value is missing, and in 1 more rows"):
        read_exposure(path)
    PAST.assign(rate=["10%", "20%", 0]).to_csv(path, index=False)
    with pytest.raises(InputError) as refusal:
        read_exposure(path)
    assert str(refusal.value).endswith("and a decimal point (and 1 more problem in this file)"), (
        "no more advice"
    )
    with pytest.raises(InputError, match="column 'window_weeks'"):
        Frequency(window_weeks=0)
    with pytest.raises(InputError, match="column 'max_offers'"):
        Frequency(max_offers=-1)


LONG = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "x"], "week": [7, 7], "horizon": [4, 1]})


def test_an_offer_of_four_weeks_counts_in_each_of_them():
    users = pd.Index(["a", "b"])
    for week, left in ((8, 1), (10, 1), (11, 2)):
        assert Frequency(max_offers=2).quota(users, LONG, week).tolist() == [left, 2]
    assert Frequency(max_offers=2, window_weeks=4).quota(users, LONG, 13).tolist() == [1, 2]
    assert Frequency(max_offers=2, window_weeks=4).quota(users, LONG, 14).tolist() == [2, 2]
    for week, cooling in ((11, True), (12, True), (13, False)):
        assert Frequency(cool_down_weeks=2).cooling(PAIRS, LONG, week).tolist() == [cooling, *[False] * 3]


def test_a_cap_of_the_coming_week_counts_offers_that_go_on_in_it_and_refuses_others():
    check_past(LONG, 10, Path("past.csv"), Frequency(max_offers=1))
    with pytest.raises(InputError, match="past offers change nothing"):
        check_past(LONG, 11, Path("past.csv"), Frequency(max_offers=1))
    with pytest.raises(InputError, match="2 offers are of week 7 or later"):
        check_past(LONG, 7, Path("past.csv"), Frequency(max_offers=1))


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "four"])
def test_a_horizon_is_a_number_of_weeks(tmp_path, value):
    (tmp_path / "past.csv").write_text(f"user_id,item_id,week,horizon\na,x,1,\nb,x,1,{value}\n")
    with pytest.raises(InputError, match="row 3, column 'horizon'"):
        read_exposure(tmp_path / "past.csv")
    (tmp_path / "past.csv").write_text("user_id,item_id,week,horizon\na,x,1,\nb,x,1,3\n")
    assert read_exposure(tmp_path / "past.csv")["horizon"].tolist() == [1, 3]
