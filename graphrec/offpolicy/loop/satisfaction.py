"""Satisfaction S = h(R, D, θ) from the weeks of a loop: by a survey, or by whether users return.

R is how much of a week's purchases the user had bought before. D is the share saved, θ how often the user
came and how much was spent. Both ways give an association: users choose when to shop and what to buy on sale.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.files import write_parquet
from graphrec.offpolicy.loop.weeks import FOLDER
from graphrec.offpolicy.return_model import ReturnModel, return_gain
from graphrec.offpolicy.return_visits import FEATURES, HORIZON, LABEL, label_returns, weekly_visits

SAVING = 0.1
"""Saving that the association is told for."""
NEEDED = (Columns.QUANTITY, Columns.PRICE, Columns.REGULAR_PRICE)
KEPT = (Columns.USER, Columns.ITEM, Columns.WEEK, *NEEDED, Columns.RATING)
FEWEST = 30
"""Weeks of users with a rating, below which nothing is fitted."""


def keep_log(log: pd.DataFrame, folder: Path, week: int) -> Path:
    """Keep the purchases of a week, or of several from it on; rows without a week get its number."""
    kept = log[[name for name in KEPT if name in log]]
    kept = kept if Columns.WEEK in kept else kept.assign(**{Columns.WEEK: week})
    return write_parquet(kept, folder / FOLDER / f"log-{week:04d}.parquet")


def kept_logs(folder: Path) -> pd.DataFrame:
    """Read what `keep_log` kept."""
    return pd.concat(
        [pd.read_parquet(path) for path in sorted((folder / FOLDER).glob("log-*.parquet"))], ignore_index=True
    )


def satisfaction(log: pd.DataFrame) -> str:
    """Say in a sentence how satisfaction goes with what was saved.

    Args:
        log: Purchases of all weeks; returns are passed over.
    """
    if missing := [name for name in NEEDED if name not in log]:
        return f"satisfaction: not known, for the log has no {missing[0]}"
    sold = log[(log[Columns.QUANTITY] > 0) & log[list(NEEDED)].notna().all(axis=1)]
    if sold.empty:
        return "satisfaction: not known, for no row has prices"
    visits = weekly_visits(sold.astype({Columns.WEEK: "int64"}))
    if Columns.RATING in sold and sold[Columns.RATING].notna().any():
        return _survey(visits, sold)
    last = int(visits[Columns.WEEK].max())
    return _returns(visits, last)


def _survey(visits: pd.DataFrame, sold: pd.DataFrame) -> str:
    """Fit the mean rating of a user's week by least squares on what is known of it."""
    keys = [Columns.USER, Columns.WEEK]
    ratings = sold.groupby(keys)[Columns.RATING].mean().dropna()
    rated = visits.merge(ratings, left_on=keys, right_index=True)
    if len(rated) < FEWEST:
        return f"satisfaction: {len(rated)} rated weeks of users are too few, {FEWEST} are needed"
    x = np.column_stack([np.ones(len(rated)), rated[list(FEATURES)].to_numpy(dtype=np.float64)])
    weights = np.linalg.lstsq(x, rated[Columns.RATING].to_numpy(dtype=np.float64), rcond=None)[0]
    saving = float(weights[1 + FEATURES.index("saving")]) * SAVING
    return (
        f"satisfaction by the survey: {rated[Columns.RATING].mean():.2f} on average over {len(rated):,} weeks"
        f" of users; {saving:+.2f} with {SAVING:.0%} saved, all else alike (an association)"
    )


def _returns(visits: pd.DataFrame, last: int) -> str:
    """Fit whether users return within four weeks; the earlier half fits, the later half calibrates."""
    known = label_returns(visits, last)
    weeks = sorted(known[Columns.WEEK].unique())
    if len(weeks) < 2:
        need = 2 - len(weeks)
        return f"satisfaction: who returns within {HORIZON} weeks is known after {need} more"
    middle = weeks[len(weeks) // 2]
    early, late = known[known[Columns.WEEK] < middle], known[known[Columns.WEEK] >= middle]
    try:
        model = ReturnModel.fit(early, late)
    except InputError as error:
        return f"satisfaction: not known, for {error.message}"
    gain = float(return_gain(model, late, SAVING).mean())
    return (
        f"satisfaction by the proxy: {late[LABEL].mean():.1%} of the visits are followed by another within"
        f" {HORIZON} weeks; {gain:+.1%} with {SAVING:.0%} saved, all else alike (an association)"
    )
