"""Past weeks of the pairs that may get an offer, as the response and the ranker foretold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import BoolArray, IntArray
from graphrec.cli.offers.curves.response import Foretelling, features_in
from graphrec.data.interactions import Columns
from graphrec.notices import note
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.hindsight.past import Hindsight, PastWeek
from graphrec.response.curves import SplineResponse

MOST_ROWS = 600_000
"""Pairs times weeks; with more pairs fewer weeks are looked at, the latest."""
ENOUGH = 50
"""Purchases of the pairs in those weeks; with fewer nothing is put right."""


def curves_and_hindsight(
    checkpoint: Path,
    candidates: pd.DataFrame,
    week: int | None,
    trusted: bool,
    calibration: Calibration,
    trained: pd.DataFrame,
) -> tuple[SplineResponse, Hindsight | None]:
    """Make the curves of pairs, and look at weeks that neither they nor the ranker were learnt from.

    Args:
        checkpoint: Of the response.
        candidates: As for `learned_response`, with probabilities of a ranker.
        week: That the offers are for.
        trusted: Whether the checkpoint may name code that is not graphrec's.
        calibration: Of those probabilities.
        trained: Rows that the ranker was trained on.

    Returns:
        Curves that these weeks put right, with what they know. Where there are no such weeks, or too few
        purchases in them, the curves as they were learnt, and None.

    Raises:
        InputError: See `learned_response`.
    """
    seen_in = np.array(calibration.seen_in, dtype=np.int64)
    asked = Foretelling.of(checkpoint, candidates, week, trusted, seen_in)
    weeks = () if calibration.weeks is None else _weeks(asked, trained)
    found = _hindsight(asked, weeks) if weeks else None
    if found is None or found.purchases < ENOUGH:
        note("the interval of a gain is of what discounts add alone, and knows no luck of the choice")
        return asked.with_ends(), None
    note(f"put right on {found.span}: {found.correction}")
    return found.corrected, found


def _weeks(asked: Foretelling, trained: pd.DataFrame) -> tuple[int, ...]:
    """List the weeks that can judge, the latest alone where there are too many."""
    if Columns.WEEK not in trained:
        return ()
    first = max(asked.data.train_end, int(trained[Columns.WEEK].max())) + 1
    most = max(1, MOST_ROWS // max(len(asked.candidates), 1))
    return tuple(range(first, asked.week))[-most:]


def _hindsight(asked: Foretelling, weeks: tuple[int, ...]) -> Hindsight:
    """Foretell each week as it would have been before it."""
    *before, now = features_in(asked.data, asked.pairs, (*weeks, asked.week))
    rates = asked.rates(np.array(weeks))
    bought = asked.pairs.visits.bought[asked.pairs.place]
    past = tuple(
        PastWeek(asked.curves(features, week), kinds(asked, week), rates[:, place], bought[:, week - 1])
        for place, (week, features) in enumerate(zip(weeks, before, strict=True))
    )
    user, item = (pd.factorize(asked.candidates[name])[0].astype(np.int64) for name in ("user_id", "item_id"))
    return Hindsight(weeks, past, asked.curves(now, asked.week), kinds(asked, asked.week), user, item)


def kinds(asked: Foretelling, week: int) -> IntArray:
    """Find the place of each pair in `KINDS` before a week. Shape ``[P]``."""
    learnt: BoolArray = asked.known_pairs & asked.learnt
    return np.where(learnt, 0, np.where(asked.bought_before(week), 1, 2)).astype(np.int64)
