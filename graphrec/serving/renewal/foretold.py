"""Whether the probabilities of the model that serves came true in weeks that it never saw."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.models.encoders.warm import Learnt, places_of
from graphrec.offers.candidates.calibrate import LISTED_USERS
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.candidates.labelled import standing_of
from graphrec.offers.candidates.listed import batches, places_in, top_items
from graphrec.offpolicy.loop.drift import Drift
from graphrec.response.recalibration import drift, reliability

K = 20


def foretold(served: Learnt, calibration: Calibration, log: pd.DataFrame, new: tuple[float, float]) -> Drift:
    """Compare the chances of the lists that a model makes with what was bought in later weeks.

    Each week counts for itself: the chance is that of a purchase in a week. Users who did not come bought
    nothing, and stay in.

    Args:
        served: The model, with its ids.
        calibration: What its scores mean.
        log: Rows of weeks behind its training: ``user_id``, ``item_id``, ``week``.
        new: Share of new users and of new items.

    Returns:
        Its ``rates`` are by ``week``.
    """
    lists = _lists(served)
    graph, place = served.recommender.graph, places_in(lists)
    standing = standing_of(graph, place["user"], place["item"], place["place"])
    score, seen = lists["score"].to_numpy(), lists["seen"].to_numpy()
    chance, _ = calibration.in_a_week(score, seen, standing)
    weeks = np.sort(log[Columns.WEEK].unique())
    bought = np.concatenate([_bought(served, lists, log[log[Columns.WEEK] == week]) for week in weeks])
    chances = np.tile(chance, len(weeks))
    rates = drift(chances, bought, np.repeat(weeks, len(lists)))
    return Drift(rates, reliability(chances, bought, bins=10), *new)


def _lists(served: Learnt) -> pd.DataFrame:
    """List the best items of the users, of some of them where there are many."""
    users = np.arange(len(served.users))
    if len(users) > LISTED_USERS:
        users = np.sort(np.random.default_rng(0).choice(users, LISTED_USERS, replace=False))
    graph, model = served.recommender.graph, served.recommender
    parts = [
        top_items(model, graph, batch, K, "all", None)
        for batch in batches(users, len(served.items), "Looking back")
    ]
    return pd.concat(parts, ignore_index=True)


def _bought(served: Learnt, lists: pd.DataFrame, log: pd.DataFrame) -> np.ndarray:
    """Mark which pairs of the lists some rows of a log hold. Shape ``[P]``, bool."""
    user, item = (
        places_of(IdMap.from_values(log[key]), ids).numpy()[IdMap.from_values(log[key]).codes(log[key])]
        for key, ids in ((Columns.USER, served.users), (Columns.ITEM, served.items))
    )
    known = (user >= 0) & (item >= 0)
    width = len(served.items)
    keys: IntArray = user[known] * width + item[known]
    return np.isin(lists[Columns.USER_CODE].to_numpy() * width + lists[Columns.ITEM_CODE].to_numpy(), keys)
