"""Sentences are true whichever way the numbers fall."""

from __future__ import annotations

import pytest

from graphrec.evaluation.sentences import lead


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ([0.05, 0.051], [0.046, 0.047], "a is ahead of b by 0.0040, more than repetitions differ (0.0010)."),
        ([0.046, 0.047], [0.05, 0.051], "b is ahead of a by 0.0040, more than repetitions differ (0.0010)."),
        (
            [0.05, 0.06],
            [0.046, 0.047],
            "a is ahead of b by 0.0085, not more than repetitions differ (0.0100): it may be chance.",
        ),
        (
            [0.05],
            [0.04],
            "a is ahead of b by 0.0100; with one repetition each nobody knows what chance does.",
        ),
        ([0.05, 0.06], [0.06, 0.05], "a and b are equal to 4 digits."),
    ],
)
def test_a_lead_is_told_with_what_chance_does(one, other, said):
    assert lead("a", one, "b", other) == said


def test_digits_and_units_are_the_callers():
    said = lead("a", [91.2, 91.0], "b", [37.9, 38.1], digits=1, unit=" %")
    assert said == "a is ahead of b by 53.1 %, more than repetitions differ (0.2 %)."
