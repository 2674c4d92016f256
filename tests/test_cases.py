"""The small cases of `tests/cases`: what users of such tools met elsewhere, and what they may expect here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cases.run import CASES, run_case
from cases.shop import as_process, in_this_process


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_case_ends_as_expected_as_commands_of_their_own(name):
    run_case(name, as_process([sys.executable, "-m", "graphrec"]))


HEAVY = ("g03", "h18b", "h20", "i00", "i02", "l04", "l06", "w03", "z05", "z08")
"""Cases of many fits, which only `make test-slow` runs."""


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith(HEAVY)])
def test_a_case_ends_as_expected_in_this_process(name):
    run_case(name, in_this_process)


def test_every_case_says_what_a_user_expects():
    assert len(CASES) >= 40
    assert all(case.__doc__ for case in CASES.values())
    assert Path(__file__).with_name("cases").is_dir()
