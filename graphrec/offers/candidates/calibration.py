"""What the scores of a ranker mean: probabilities of a purchase in validation and in one week of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphrec.arrays import BoolArray, FloatArray
from graphrec.evaluation.probability.calibration import Calibrator
from graphrec.evaluation.probability.standing import Standing
from graphrec.offers.horizon import growth_of, in_one_week


@dataclass(frozen=True)
class Calibration:
    """What scores mean, and for how long.

    Args:
        calibrator: From scores to the probability of a purchase within the validation part.
        source: What it was learnt on, in words.
        weeks: How long the validation part lasts; missing where it is no period of time, as where each user's
            last purchases are held out.
        weekly: From scores to the probability of a purchase in one of its weeks, where there are several.
        seen_in: Weeks of the log that it was learnt on, whatever was off the prices then; none if missing.
    """

    calibrator: Calibrator
    source: str
    weeks: float | None = None
    weekly: Calibrator | None = None
    seen_in: tuple[int, ...] = ()

    def in_a_week(
        self, score: FloatArray, seen: BoolArray, standing: Standing | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Find the probability of a purchase in a week, and how it grows with more of them.

        Args:
            score: Raw link scores. Shape ``[P]``.
            seen: Whether the pair is in the training part. Shape ``[P]``.
            standing: See `Calibrator.probability`.

        Returns:
            Probability and growth (`graphrec.offers.horizon.growth_of`). Shape ``[P]`` each.
        """
        within, weeks = self.calibrator.probability(score, seen, standing), self.weeks or 1.0
        if self.weekly is None:
            return in_one_week(within, weeks), np.ones(len(within))
        weekly = self.weekly.probability(score, seen, standing)
        return weekly, growth_of(weekly, within, weeks)

    def numbers(self) -> dict[str, Any]:
        """Write it as numbers and words, which `of_numbers` reads."""
        weekly = None if self.weekly is None else self.weekly.numbers()
        told = {**vars(self), "seen_in": list(self.seen_in)}
        return {**told, "calibrator": self.calibrator.numbers(), "weekly": weekly}

    @classmethod
    def of_numbers(cls, numbers: Mapping[str, Any]) -> Calibration:
        """Read what `numbers` wrote.

        Raises:
            KeyError: If something is missing.
            TypeError: If something is not what it should be.
            ValueError: The same.
        """
        weeks, weekly = numbers["weeks"], numbers["weekly"]
        return cls(
            Calibrator.of_numbers(numbers["calibrator"]),
            str(numbers["source"]),
            None if weeks is None else float(weeks),
            None if weekly is None else Calibrator.of_numbers(weekly),
            tuple(int(week) for week in numbers["seen_in"]),
        )

    def line(self, weeks: int | None) -> str:
        """Say in a sentence what a probability is of, and what it rests on.

        Args:
            weeks: That an offer is for.
        """
        if self.weeks is None or weeks is None:
            return f"Probabilities are of a purchase among {self.source}: of no number of weeks."
        span = "a week" if weeks == 1 else f"{weeks} weeks"
        line = f"Probabilities are of at least one purchase in {span}, calibrated on {self.source}"
        if weeks > self.weeks:
            line += "; what lies beyond is taken to go on like that"
        return f"{line}. An offer holds for each purchase in that time."
