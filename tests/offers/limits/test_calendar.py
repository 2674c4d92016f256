from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.data.tables.read import TextFormat
from graphrec.data.week_numbers import first_day_of_week, week_of_date
from graphrec.errors import InputError
from graphrec.offers.levels import LEVELS
from graphrec.offers.limits.calendar import Event, InEvent, event_in
from graphrec.offers.limits.calendar_files import read_calendar
from graphrec.offers.scenarios import Scenario

NOVEMBER = Event("双十一", date(2026, 11, 1), date(2026, 11, 11), max_rate=0.5, per_day=100)
SPRING = Event("spring", 12, 13, levels=(0.0, 0.2), per_week=70)


def test_the_days_of_an_event_in_a_week_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    for _ in range(200):
        first = date(2026, 10, 20) + timedelta(days=int(rng.integers(30)))
        event = Event("e", first, first + timedelta(days=int(rng.integers(20))))
        starts = date(2026, 10, 15) + timedelta(days=int(rng.integers(50)))
        week = [starts + timedelta(days=day) for day in range(7)]
        assert event.days(44, starts) == sum(event.first <= day <= event.last for day in week)


def test_the_week_finds_its_event_and_says_so():
    found = event_in([NOVEMBER], range(45, 46), date(2026, 11, 9))
    assert (found.event, found.money) == (NOVEMBER, 300)
    assert found.said == (
        "Week 45, from 2026-11-09, has the event 双十一 (2026-11-01 to 2026-11-11): 3 days of it, "
        "rates up to 50 %, a budget of 300, 100 a day."
    )
    none = event_in([NOVEMBER], range(46, 47), date(2026, 11, 16))
    assert none == InEvent(None, None, "Week 46, from 2026-11-16, has no event of the calendar.")
    found = event_in([SPRING, Event("easter", 13, 13)], range(13, 14), None)
    assert found.event is SPRING
    assert found.said.endswith("a budget of 70, 70 a week. easter is in it, too, and gives way.")
    longer = Event("longer", date(2026, 11, 1), date(2026, 11, 30))
    assert event_in([NOVEMBER, longer], range(45, 46), date(2026, 11, 9)).event is longer


def test_several_weeks_have_one_event_or_are_refused():
    found = event_in([NOVEMBER], range(44, 46), date(2026, 11, 2))
    assert (found.event, found.money) == (NOVEMBER, 1000)
    assert found.said.startswith("Weeks 44 to 45, from 2026-11-02, have the event 双十一")
    assert event_in([SPRING], range(12, 14), None).money == 140
    with pytest.raises(InputError, match=r"different events \(45: 双十一, 46: no event\).*one by one"):
        event_in([NOVEMBER], range(45, 47), date(2026, 11, 9))


def test_what_cannot_be_known_is_refused():
    with pytest.raises(InputError, match="no weeks, so no event"):
        event_in([SPRING], None, None)
    with pytest.raises(InputError, match=r"weeks and no days.*as weeks of the log"):
        event_in([NOVEMBER], range(3, 4), None)


def test_an_event_goes_deeper_than_the_levels():
    during = Scenario("sale").during(NOVEMBER)
    assert during.max_rate == 0.5
    assert during.levels == (*LEVELS, 0.35, 0.4, 0.45, 0.5)
    odd = Scenario("sale", levels=(0.0, 0.12)).during(Event("e", 1, 2, max_rate=0.23))
    assert odd.levels == (0.0, 0.12, 0.15, 0.2, 0.23)
    assert Scenario("sale").during(SPRING).levels == (0.0, 0.2)
    assert Scenario("sale").during(SPRING).max_rate == 0.2
    shallow = Scenario("sale", max_rate=0.4, levels=(0.0, 0.4)).during(Event("e", 1, 2, max_rate=0.1))
    assert (shallow.max_rate, shallow.levels) == (0.1, (0.0, 0.4))
    plain = Scenario("sale", max_rate=0.4).during(Event("e", 1, 2, per_day=3))
    assert (plain.max_rate, plain.levels) == (0.4, None)


def test_a_week_begins_where_the_log_s_weeks_do():
    """Weeks of a sparse log, most of which have no purchase on their first day."""
    rng = np.random.default_rng(1)
    day = np.sort(rng.choice(200, 90, replace=False))
    day[0] = 0
    log = pd.DataFrame({"timestamp": pd.Timestamp("2026-01-05 13:00") + pd.to_timedelta(day, unit="D")})
    log["week"] = day // 7 + 10
    for week in (10, 13, 50):
        first = first_day_of_week(log, week, "calendar")
        assert first == date(2026, 1, 5) + timedelta(days=7 * (week - 10))
        assert week_of_date(log, first, "--date") == week
        assert week_of_date(log, first - timedelta(days=1), "--date") == week - 1
    with pytest.raises(InputError, match=r"no dates beside its weeks.*give weeks"):
        first_day_of_week(log[["week"]], 3, "calendar")
    mondays = log[log["timestamp"].dt.dayofweek == 0]
    with pytest.raises(InputError, match="no row tells on which day week 13 begins"):
        first_day_of_week(mondays, 13, "calendar")


def test_a_table_of_events_is_read_as_a_list_is(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(
        "event;first;last;max_rate;levels;budget_per_day\n"
        "双十一;2026-11-01;2026-11-11;0.5;;100\n年货节;2026-12-28;2027-01-05;;0 0.2 0.4;\n",
        encoding="gbk",
    )
    text = TextFormat(";", encoding="gbk")
    found = read_calendar(file, tmp_path / "mine.yaml", {"name": "event"}, text)
    assert found == (
        NOVEMBER,
        Event("年货节", date(2026, 12, 28), date(2027, 1, 5), levels=(0.0, 0.2, 0.4)),
    )
    file.write_text("name,first,last\n1,3,4\n", encoding="utf-8")
    assert read_calendar(file, Path("mine.yaml"), {}, TextFormat()) == (Event("1", 3, 4),)
    file.write_text("name,first,last\na,3,4\nb,11.11.2026,12.11.2026\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 3, column 'first'.*'11\.11\.2026' is no day.*2026-11-11"):
        read_calendar(file, Path("mine.yaml"), {}, TextFormat())
    file.write_text("name,first,last\n", encoding="utf-8")
    with pytest.raises(InputError):
        read_calendar(file, Path("mine.yaml"), {}, TextFormat())
