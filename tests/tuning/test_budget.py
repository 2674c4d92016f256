"""Budgets: how a time is written, and what each of some models has of one."""

from __future__ import annotations

import pytest

from graphrec.errors import InputError
from graphrec.tuning.budget import Budget, clock, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1.5h", 5400), ("1d", 86400)]
)
def test_a_time_is_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["30", "m", "", "-3m", "0s", "3 m", "3x", "m3"])
def test_what_is_no_time_is_one_line(text):
    with pytest.raises(InputError, match="--budget"):
        seconds_of(text)


def test_shares_are_equal_and_told():
    assert Budget(seconds=3600).share(4) == Budget(seconds=900)
    assert Budget(trials=20).share(4) == Budget(trials=20)
    assert Budget(12, 90).told() == "12 trials or 1 min 30 s"
    assert Budget().told() == "no bound"
    assert [clock(one) for one in (4.25, 59.4, 60, 3900)] == ["4.2 s", "59 s", "1 min", "1 h 5 min"]
