"""Whatever the log, everything that a YAML may name trains on it and ranks by finite numbers."""

from __future__ import annotations

import itertools
import traceback

import pytest
from any_log import try_log
from any_plan import plan_of, plans

SHARE = 300
"""Logs of one test."""


def failures(numbers: range) -> list[str]:
    """What went wrong, with the numbers that bring it back."""
    found = []
    for number in numbers:
        try:
            line = try_log(number)
            assert line is None or ("\n" not in line and len(line) < 300), line
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            found.append(
                f"log {number}, {plan_of(number).parts}: {error!r} in {where.filename}:{where.lineno}"
            )
    return found


def test_any_log_trains():
    assert failures(range(SHARE)) == []


@pytest.mark.slow
@pytest.mark.parametrize("share", range(1, 13))
def test_any_of_many_logs_trains(share):
    assert failures(range(share * SHARE, (share + 1) * SHARE)) == []


def test_the_logs_of_all_tests_try_every_combination():
    tried = {id(plan_of(number)) for number in range(13 * SHARE)}
    missing = [plan.parts for plan in itertools.chain(*plans()) if id(plan) not in tried]
    assert missing == []
