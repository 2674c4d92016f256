"""How times of a table are told apart; the oracle is the moment that was written."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from graphrec.data.sources import table
from graphrec.data.splits import Temporal
from graphrec.data.tables.times import read_times
from graphrec.errors import InputError

MOMENTS = [dt.datetime(2011, 12, 31, 23, 59), dt.datetime(2024, 2, 29, 6, 30), dt.datetime(2019, 1, 1)]
EPOCH, EXCEL = dt.datetime(1970, 1, 1), dt.datetime(1899, 12, 30)
SECONDS = [int((moment - EPOCH).total_seconds()) for moment in MOMENTS]


@pytest.mark.parametrize("dtype", ["str", "float64", "int64"])
@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
def test_numbers_since_1970_are_read_in_the_unit_that_fits_a_shop(per_second, dtype):
    values = pd.Series([second * per_second for second in SECONDS]).astype(dtype)
    assert read_times(values).values.dt.round("s").tolist() == [pd.Timestamp(moment) for moment in MOMENTS]


def test_excels_days_are_read_and_named():
    days = pd.Series([(moment - EXCEL) / dt.timedelta(days=1) for moment in MOMENTS])
    times = read_times(days)
    assert times.values.dt.round("s").tolist() == [pd.Timestamp(moment) for moment in MOMENTS]
    assert times.words == "Excel's days"


@pytest.mark.parametrize(
    "pattern",
    ["%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M:%S UTC"],
)
def test_compact_and_iso_times_are_read(pattern):
    values = pd.Series([moment.strftime(pattern) for moment in MOMENTS])
    assert read_times(values).values.tolist() == [pd.Timestamp(moment) for moment in MOMENTS]
    if "%Y%m%d" in pattern:
        assert read_times(values.astype("int64")).values.tolist() == [pd.Timestamp(m) for m in MOMENTS]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        (range(1, 161), "day numbers.*time_format: days"),
        ([2011, 2012, 2013], "look like years.*time_format: '%Y'"),
        ([201101, 201112, 201201], "year and month.*time_format: '%Y%m'"),
        (range(15_000, 15_200), "days since 1970.*time_format: days"),
        ([2023010100, 2023123123], "year, month, day and hour.*time_format: '%Y%m%d%H'"),
        ([1_000_000, 2_000_000], "are no times in a form that is known"),
        ([0.5, 3.25], "day numbers"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "str"])
def test_numbers_that_can_be_no_time_of_a_shop_are_refused_with_the_fix(numbers, says, dtype):
    values = pd.Series(list(numbers)).astype(dtype)
    with pytest.raises(InputError, match=says):
        read_times(values)


def test_the_fix_that_is_named_works_and_weeks_follow():
    days = pd.Series(np.arange(1, 161))
    read = read_times(days, "days").values
    assert ((read - read.min()).dt.days == days - 1).all()
    years = read_times(pd.Series([2011, 2012]), "%Y").values
    assert years.dt.year.tolist() == [2011, 2012]
    hours = read_times(pd.Series([2023010118]), "%Y%m%d%H").values
    assert hours.tolist() == [pd.Timestamp("2023-01-01 18:00")]


@pytest.mark.parametrize(
    ("written", "patterns"),
    [
        (["25/12/2023", "01/02/2024"], "'%d/%m/%Y'"),
        (["12/25/2023 08:26", "1/2/2024 18:00"], "'%m/%d/%Y %H:%M'"),
        (["01/02/2023", "03/04/2023"], "'%d/%m/%Y' or '%m/%d/%Y'"),
        (["31.12.2023", "1.2.2024"], "'%d.%m.%Y'"),
        (["25 Dec 2023", "1 Feb 2024"], "'%d %b %Y'"),
    ],
)
def test_other_dates_are_refused_with_the_patterns_that_fit(tmp_path, written, patterns):
    file = tmp_path / "log.csv"
    pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": written}).to_csv(file)
    with pytest.raises(InputError, match=r"row 2, column 'timestamp'.*is not a date") as caught:
        table(str(file))
    assert patterns in str(caught.value)
    pattern = patterns.split("'")[1]
    read = table(str(file), time_format=pattern).log["timestamp"]
    assert read.tolist() == [pd.Timestamp(dt.datetime.strptime(one, pattern)) for one in written]


@pytest.mark.parametrize("stray", ["0001-01-01", "9999-12-31", "2011", "0"])
def test_a_stray_value_among_dates_is_named_by_its_row(tmp_path, stray):
    file = tmp_path / "log.csv"
    file.write_text(f"user_id,item_id,timestamp\na,x,2024-01-01\nb,y,{stray}\nc,z,2024-01-02\n")
    with pytest.raises(InputError, match=rf"row 3, column 'timestamp': '{stray}' is not a date"):
        table(str(file))


def test_a_stray_number_among_seconds_is_named_by_its_row(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(
        "user_id,item_id,timestamp\na,x,1700000000\nb,y,0\nc,z,1700000000000\nd,x,1700000009\ne,x,1700000010\n"
    )
    with pytest.raises(InputError, match=r"row 3.*'0' is not a date; the others are seconds since 1970"):
        table(str(file))


def test_zones_are_turned_to_utc():
    values = pd.Series(["2024-01-01T01:00:00+02:00", "2024-01-01 00:00:00-05:00", "2024-01-01"])
    wanted = ["2023-12-31 23:00", "2024-01-01 05:00", "2024-01-01"]
    assert read_times(values).values.tolist() == [pd.Timestamp(one) for one in wanted]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (["2024-01-01T05:00+02:00", "2024-01-02 05:00-0330"], "turned to UTC"),
        (["2024-01-01T05:00Z", "2024-01-02T05:00+00:00"], ""),
        (
            ["2024-01-01T05:00+02", "2024-01-02T05:00", "2024-01-03"],
            "turned to UTC, which 2 without a zone are",
        ),
        (["2024-01-01", "2024-01-02T05:00"], ""),
    ],
)
def test_what_is_done_about_zones_is_told(written, words):
    told = read_times(pd.Series(written)).words
    assert told.startswith(words)
    assert bool(told) == bool(words)


def test_a_zone_of_parquet_is_told_and_a_week_is_no_bound():
    days = pd.Series(pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin"))
    assert read_times(days).words == "turned to UTC from Europe/Berlin"
    assert read_times(days.dt.tz_convert("UTC")).words == ""
    with pytest.raises(InputError, match="'2024-W14' does not fit the column; give an ISO date"):
        Temporal("2024-W14", "2024-05-01", column="timestamp").parts(days_log(), 0)


def test_an_unknown_way_to_write_times_is_refused():
    with pytest.raises(InputError, match="'fortnights' is no way to write times"):
        read_times(pd.Series(["1"]), "fortnights")


@pytest.mark.parametrize(
    ("weeks", "says"),
    [
        ([51, 52, 1, 2], "the same week stands for days of different years"),
        ([202251, 202252, 202301, 202302], "year and week"),
        ([1_672_000_000, 1_672_600_000, 1_673_000_000, 1_674_000_000], "no weeks of a shop"),
    ],
)
def test_weeks_that_do_not_go_on_are_refused(tmp_path, weeks, says):
    file = tmp_path / "log.csv"
    days = ["2022-12-20", "2022-12-27", "2023-01-03", "2023-01-10"]
    log = pd.DataFrame({"user_id": "a", "item_id": list("wxyz"), "timestamp": days, "week": weeks})
    before = ["2021-12-20", "2021-12-27", "2022-01-03", "2022-01-10"]
    earlier = log.assign(week=[51, 52, 1, 2], timestamp=before)
    (pd.concat([earlier, log]) if weeks[0] == 51 else log).to_csv(file, index=False)
    with pytest.raises(InputError, match=f"column 'week'.*{says}"):
        table(str(file))
    assert table(str(file), {"week": None}).log["week"].max() >= 4


def test_weeks_that_turn_back_at_new_year_are_refused_and_a_slip_is_not(tmp_path):
    file, days = tmp_path / "log.csv", pd.date_range("2016-10-03", "2017-03-26")
    log = pd.DataFrame({"user_id": "a", "item_id": range(len(days)), "timestamp": days})
    log.assign(week=days.isocalendar().week.to_numpy()).to_csv(file, index=False)
    with pytest.raises(InputError, match="week 40 lies before a week of a smaller number"):
        table(str(file))
    rising = np.arange(len(days)) // 7 + 40
    log.assign(week=np.where(np.arange(len(days)) == 100, 99, rising)).to_csv(file, index=False)
    assert table(str(file)).log["week"].nunique() == 26


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (
            ["2024-01-01", "2024-02-01", "1970-01-01"],
            "between 1970-01-01 and 2024-01-01; 1 rows lie before and 2",
        ),
        (["2024-01-01", "2024-02-01", "2099-12-31"], "1 rows lie in the future, to 2099-12-31"),
        (["2021-01-01", "2022-12-31", "2024-12-29"], None),
    ],
)
def test_dates_that_stand_for_missing_ones_are_told(tmp_path, days, says):
    file = tmp_path / "log.csv"
    pd.DataFrame({"user_id": "a", "item_id": list("xyz"), "timestamp": days}).to_csv(file, index=False)
    hints = table(str(file)).hints
    assert says in hints[0] if says else not hints


def days_log() -> pd.DataFrame:
    hours = ("06:00", "18:00", "20:00")
    times = pd.to_datetime([f"2024-03-{day} {hour}" for day in (30, 31) for hour in hours])
    return pd.DataFrame({"user_id": "u", "item_id": "i", "timestamp": times})


@pytest.mark.parametrize(
    ("train_end", "rows"),
    [
        ("2024-03-30T18", 2),
        ("2024-03-30 18", 2),
        ("2024-03-30T19:00+01:00", 2),
        ("2024-03-30T18:00:00Z", 2),
        ("2024-03-30T17:59", 1),
        ("2024-03-30", 3),
        ("20240330", 3),
    ],
)
def test_a_bound_is_a_day_to_its_end_or_a_moment_in_any_zone(train_end, rows):
    split = Temporal(train_end, "2024-03-31T18", column="timestamp")(days_log())
    assert (len(split.train), len(split.val), len(split.test)) == (rows, 5 - rows, 1)


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ({"train_end": 6, "val_end": 4}, "val_end 4 is before train_end 6"),
        ({"train_end": 2, "val_end": 4, "test_end": 3}, "test_end 3 is before val_end 4"),
        ({"train_end": 9, "val_end": 12}, "validation part of the split is empty: train_end 9.*week 8"),
        ({"train_end": 4, "val_end": 8}, "test part of the split is empty: val_end 8.*week 8"),
        ({"train_end": 4, "val_end": 10**30}, "test part of the split is empty"),
        ({"train_end": 0, "val_end": 4}, "training part of the split is empty"),
        ({"column": "price"}, "'price' is no column of times"),
    ],
)
def test_bounds_that_are_reversed_or_beyond_the_log_are_one_line(bounds, says):
    log = pd.DataFrame({"user_id": "u", "item_id": "i", "week": range(1, 9), "price": 1.0})
    with pytest.raises(InputError, match=says):
        Temporal(**bounds)(log)


def test_a_part_may_be_empty_where_the_bounds_say_so():
    log = pd.DataFrame({"user_id": "u", "item_id": "i", "week": range(1, 9)})
    split = Temporal(train_end=6, val_end=6)(log)
    assert (len(split.train), len(split.val), len(split.test)) == (6, 0, 2)
    split = Temporal(train_end=6, val_end=8, test_end=8)(log)
    assert (len(split.train), len(split.val), len(split.test)) == (6, 2, 0)
