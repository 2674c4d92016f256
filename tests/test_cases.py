"""The small cases of `tests/cases`: what users of such tools met elsewhere, and what they may expect here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cases.run import CASES, run_case
from cases.shop import as_process


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_case_ends_as_expected_as_commands_of_their_own(name):
    run_case(name, as_process([sys.executable, "-m", "graphrec"]))


def test_every_case_says_what_a_user_expects():
    assert len(CASES) >= 40
    assert all(case.__doc__ for case in CASES.values())
    assert Path(__file__).with_name("cases").is_dir()
