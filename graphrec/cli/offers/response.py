"""Response curves for offers from a fitted response."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray, Float32Array, FloatArray, IntArray
from graphrec.cli.experiment.loading import load_response
from graphrec.data.interactions import Columns, Interactions, RawData
from graphrec.errors import InputError
from graphrec.evaluation.probability.calibration import SMALLEST
from graphrec.notices import note
from graphrec.offers.candidates.undiscounted import faced_rates, undiscounted
from graphrec.offpolicy.estimators import NORMAL_95
from graphrec.response.curves import MEDIAN_ELASTICITY, SplineResponse
from graphrec.response.data import ResponseData, log_links
from graphrec.response.panel import feature_tables, pair_groups
from graphrec.response.personal.offers import KEY, Personal
from graphrec.response.shelf import build_shelf
from graphrec.response.visits import Visits, visits_of

ITEMS, RATE = 20, 0.2
"""How many items tell a user's elasticity, and the rate that it is measured at."""


def learned_response(
    checkpoint: Path,
    candidates: pd.DataFrame,
    week: int | None = None,
    trusted: bool = False,
    seen_in: IntArray | None = None,
) -> SplineResponse:
    """Make curves of pairs: the rise with the discount from a fitted response, the base from the candidates.

    Without a column ``probability`` the base is the response's own: the probability within one week in which
    the user shops. The response was learnt from items of the user's repertoire; for a new item its curve says
    what is known of the user, the item and its group, which the data does not test.

    With personal offers every week is a row of the response, so its own base is of any week. Of pairs that
    were met it then takes the place of a ranker's probability of a week, which knows less of a pair.

    Args:
        checkpoint: Of a run of `ResponseTask`.
        candidates: ``user_id``, ``item_id`` and, to keep the ranking model's base, ``probability``. It is of
            one week where there is ``growth``.
        week: Week that the offers are for; only earlier weeks are looked at, and one further off counts as
            the first after the log. The first after the validation part if missing.
        trusted: Whether the checkpoint may name code that is not graphrec's.
        seen_in: Weeks in which those probabilities were seen. What discounts added to them there is taken
            off. If missing they count as those without a discount.

    Returns:
        One curve per row of `candidates`.

    Raises:
        InputError: If the checkpoint is not of a response, or a user or item is not in its log before `week`.
    """
    task, data = load_response(checkpoint, trusted)
    ahead = int(data.source.log[Columns.WEEK].max()) + 1
    week = data.val_end + 1 if week is None else min(week, ahead)
    pairs = _pairs_of(data, candidates, week)
    features, groups = _features(data, pairs, week)
    if features.shape[1] != len(task.network.centre):
        hint = "fit the response again"
        raise InputError("the response was fitted with other features", file=checkpoint, hint=hint)
    own, weights = task.curves(torch.from_numpy(features), torch.from_numpy(groups))
    known, rates = _known(data, candidates, pairs, week, seen_in)
    met = np.ones(len(own), dtype=np.bool_)
    if known is not None:
        learnt = data.offers is not None and "growth" in candidates
        met = _met(data, candidates, week) if learnt else ~met

    def curve(factor: float) -> SplineResponse:
        steep = factor * weights
        start = own if known is None else undiscounted(known, steep, rates, task.knots)
        return SplineResponse(np.where(met, own, start), steep, task.knots)

    found, error = curve(1.0), NORMAL_95 * float(task.lift_error)
    if np.isnan(error):
        return found
    return dataclasses.replace(found, ends=(curve(np.exp(-error)), curve(np.exp(error))))


def _known(
    data: ResponseData, candidates: pd.DataFrame, pairs: _Pairs, week: int, seen_in: IntArray | None
) -> tuple[FloatArray | None, FloatArray]:
    """Find each candidate's probability, and what was off its price where seen. ``[P]``, ``[P, n]``."""
    rates = np.zeros((len(candidates), 1))
    if "probability" not in candidates:
        return None, rates
    known = candidates["probability"].to_numpy(dtype=np.float64).clip(SMALLEST, 1 - SMALLEST)
    weeks = np.empty(0, dtype=np.int64) if seen_in is None else seen_in[seen_in < week]
    if len(weeks):
        rates = faced_rates(pairs.past.log, pairs.offers, pairs.visits, weeks)[pairs.place]
    return known, rates


def _met(data: ResponseData, candidates: pd.DataFrame, week: int) -> BoolArray:
    """Tell which pairs the response was learnt from, or the log has a purchase of; say how many. ``[P]``."""
    log = data.source.log
    past = pd.concat([data.pairs, log.loc[log[Columns.WEEK] < week, KEY[:2]]]).drop_duplicates()
    met = pd.MultiIndex.from_frame(candidates[KEY[:2]]).isin(pd.MultiIndex.from_frame(past))
    which = f"the response's own for {met.sum():,} of {len(met):,} pairs"
    note(f"probabilities without a discount are {which}, and the ranker's for the others")
    return np.asarray(met, dtype=np.bool_)


def learned_elasticities(
    checkpoint: Path, train: Interactions, users: IntArray, week: int | None = None, trusted: bool = False
) -> FloatArray:
    """Find how steeply a fitted response rises for each user, over the items that the user buys most.

    Args:
        checkpoint: Of a run of `ResponseTask`.
        train: Says who buys what.
        users: Codes. Shape ``[U]``.
        week: Week that the offers are for, see `learned_response`.
        trusted: Whether the checkpoint may name code that is not graphrec's.

    Returns:
        The slope of the logit over ``-log(1 - rate)``, as an elasticity. Shape ``[U]``.

    Raises:
        InputError: See `learned_response`.
    """
    rows = train.frame[train.frame[Columns.USER_CODE].isin(users)]
    lines = rows.groupby([Columns.USER_CODE, Columns.ITEM_CODE]).size().rename("lines").reset_index()
    most = lines.sort_values("lines", ascending=False, kind="stable").groupby(Columns.USER_CODE).head(ITEMS)
    pairs = pd.DataFrame(
        {
            Columns.USER: train.users.ids[most[Columns.USER_CODE]],
            Columns.ITEM: train.items.ids[most[Columns.ITEM_CODE]],
        }
    )
    curves = learned_response(checkpoint, pairs, week, trusted)
    rise = _logit(curves.probability(RATE)) - _logit(curves.base)
    slope = pd.Series(rise / -np.log(1.0 - RATE)).groupby(most[Columns.USER_CODE].to_numpy()).mean()
    return slope.reindex(users).fillna(MEDIAN_ELASTICITY).to_numpy(dtype=np.float64)


def _logit(probability: FloatArray) -> FloatArray:
    inside = probability.clip(SMALLEST, 1.0 - SMALLEST)
    return np.asarray(np.log(inside / (1.0 - inside)), dtype=np.float64)


def candidate_features(
    data: ResponseData, candidates: pd.DataFrame, week: int
) -> tuple[Float32Array, IntArray]:
    """Compute features ``[P, F]`` and group codes ``[P, G]`` of pairs in a week, ordered as `candidates`."""
    return _features(data, _pairs_of(data, candidates, week), week)


def _features(data: ResponseData, pairs: _Pairs, week: int) -> tuple[Float32Array, IntArray]:
    past, visits, offers, place = pairs
    shelf = build_shelf(past.log, visits.items, week)
    personal = None if offers is None else Personal.of(offers, visits)
    columns = [
        table[line, week - 1]
        for name, table, line, _ in feature_tables(past, visits, shelf, data.asked, personal)
        if not name.startswith(data.without or "\0")
    ]
    if data.link is not None and not "link_score".startswith(data.without or "\0"):
        columns.append(log_links(past.log, visits, data.link, 1)[:, week - 1])
    groups = pair_groups(data.source, visits, data.asked.groups, data.panel.rows)
    return np.stack(columns, axis=1).astype(np.float32)[place], groups[place]


class _Pairs(NamedTuple):
    """What was known of candidates before a week: log, distinct pairs, offers, and each one's pair."""

    past: RawData
    visits: Visits
    offers: pd.DataFrame | None
    place: IntArray


def _pairs_of(data: ResponseData, candidates: pd.DataFrame, week: int) -> _Pairs:
    """Cut log and offers before a week, and find the pairs of candidates in it."""
    past = dataclasses.replace(data.source, log=_before(data.source, candidates, week))
    visits = _asked_beside_learnt(data, past.log, candidates[KEY[:2]], week)
    offers = None if data.offers is None else data.offers[data.offers[Columns.WEEK] < week]
    return _Pairs(past, visits, offers, _places(visits, candidates))


def _asked_beside_learnt(
    data: ResponseData, log: pd.DataFrame, candidates: pd.DataFrame, week: int
) -> Visits:
    """Put pairs beside those that were learnt from, of which alone the sums of users and items are made."""
    known = log[Columns.USER].unique(), log[Columns.ITEM].unique()
    learnt = data.pairs[data.pairs[Columns.USER].isin(known[0]) & data.pairs[Columns.ITEM].isin(known[1])]
    visits = visits_of(log, pd.concat([learnt, candidates]).drop_duplicates(), week, week - 1)
    counted = pd.MultiIndex.from_frame(visits.pairs).isin(pd.MultiIndex.from_frame(learnt))
    return dataclasses.replace(visits, counted=np.asarray(counted, dtype=np.bool_))


def _before(source: RawData, candidates: pd.DataFrame, week: int) -> pd.DataFrame:
    """Cut the log before the week; every user and item of the candidates must be in it."""
    log = source.log[source.log[Columns.WEEK] < week]
    for column in (Columns.USER, Columns.ITEM):
        unknown = ~candidates[column].isin(log[column])
        if unknown.any():
            first = candidates.loc[unknown, column].iloc[0]
            hint = "leave it out, or fit the response on a longer log"
            raise InputError(f"{first} is not in the log before week {week}", column=column, hint=hint)
    return log


def _places(visits: Visits, candidates: pd.DataFrame) -> IntArray:
    """Find the pair of each candidate."""
    user, item = visits.users.codes(candidates[Columns.USER]), visits.items.codes(candidates[Columns.ITEM])
    key = visits.user * len(visits.items) + visits.item
    return np.searchsorted(key, user * len(visits.items) + item).astype(np.int64)
