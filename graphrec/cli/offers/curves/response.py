"""Response curves for offers from a fitted response."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray, Float32Array, FloatArray, IntArray
from graphrec.cli.experiment.loading import load_response
from graphrec.data.interactions import Columns, Interactions, RawData
from graphrec.errors import InputError
from graphrec.evaluation.intervals import NORMAL_95
from graphrec.evaluation.probability.calibration import SMALLEST
from graphrec.notices import note
from graphrec.offers.candidates.undiscounted import faced_rates, undiscounted
from graphrec.response.curves import MEDIAN_ELASTICITY, SplineResponse
from graphrec.response.data import ResponseData, log_links
from graphrec.response.panel import feature_tables, pair_groups
from graphrec.response.personal.offers import KEY, Personal
from graphrec.response.shelf import build_shelf
from graphrec.response.visits import Visits, visits_of

if TYPE_CHECKING:
    from graphrec.response.task import ResponseTask

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
    return Foretelling.of(checkpoint, candidates, week, trusted, seen_in).with_ends()


@dataclasses.dataclass(frozen=True)
class Foretelling:
    """A fitted response that is asked about pairs, in a week or in earlier ones.

    Args:
        task: The response.
        data: What it was learnt from.
        candidates: The pairs, see `learned_response`.
        week: That the offers are for.
        pairs: What was known of them before it.
        seen_in: See `learned_response`.
    """

    task: ResponseTask
    data: ResponseData
    candidates: pd.DataFrame
    week: int
    pairs: _Pairs
    seen_in: IntArray

    @classmethod
    def of(
        cls,
        checkpoint: Path,
        candidates: pd.DataFrame,
        week: int | None = None,
        trusted: bool = False,
        seen_in: IntArray | None = None,
    ) -> Foretelling:
        """Load a response and look up the pairs; see `learned_response`."""
        task, data = load_response(checkpoint, trusted)
        ahead = int(data.source.log[Columns.WEEK].max()) + 1
        week = data.val_end + 1 if week is None else min(week, ahead)
        weeks = np.empty(0, dtype=np.int64) if seen_in is None else seen_in[seen_in < week]
        found = cls(task, data, candidates, week, _pairs_of(data, candidates, week), weeks)
        if found.features.shape[1] != len(task.network.centre):
            hint = "fit the response again"
            raise InputError("the response was fitted with other features", file=checkpoint, hint=hint)
        if found.learnt:
            met = found.met(found.week)
            which = f"the response's own for {met.sum():,} of {len(met):,} pairs"
            note(f"probabilities without a discount are {which}, and the ranker's for the others")
        return found

    @property
    def learnt(self) -> bool:
        """Whether the response has a base of its own for any week, beside that of the candidates."""
        return self.data.offers is not None and "growth" in self.candidates

    @cached_property
    def features(self) -> Float32Array:
        """Features in the week of the offers. Shape ``[P, F]``."""
        return features_in(self.data, self.pairs, (self.week,))[0]

    @cached_property
    def groups(self) -> IntArray:
        """Codes of the groups. Shape ``[P, G]``."""
        visits, place = self.pairs.visits, self.pairs.place
        return pair_groups(self.data.source, visits, self.data.asked.groups, self.data.panel.rows)[place]

    @cached_property
    def known_pairs(self) -> BoolArray:
        """Which pairs the response was learnt from. Shape ``[P]``."""
        return _among(self.candidates, self.data.pairs)

    def bought_before(self, week: int) -> BoolArray:
        """Tell which pairs were bought before a week. Shape ``[P]``."""
        bought: BoolArray = self.pairs.visits.bought[self.pairs.place]
        return np.asarray(bought[:, : week - 1].any(axis=1), dtype=np.bool_)

    def met(self, week: int) -> BoolArray:
        """Tell which pairs the response was learnt from, or were bought before a week. Shape ``[P]``."""
        return np.asarray(self.known_pairs | self.bought_before(week))

    def rates(self, weeks: IntArray) -> FloatArray:
        """Find what was off the price of each pair in some weeks. Shape ``[P, n]``."""
        return faced_rates(self.pairs.past.log, self.pairs.offers, self.pairs.visits, weeks)[self.pairs.place]

    def curves(self, features: Float32Array, week: int, factor: float = 1.0) -> SplineResponse:
        """Make the curves of a week; `factor` is of what discounts add."""
        own, weights = self.task.curves(torch.from_numpy(features), torch.from_numpy(self.groups))
        steep = factor * weights
        if "probability" not in self.candidates:
            return SplineResponse(own, steep, self.task.knots)
        start = undiscounted(self._seen[0], steep, self._seen[1], self.task.knots)
        met = self.met(week) if self.learnt else np.zeros(len(own), dtype=np.bool_)
        return SplineResponse(np.where(met, own, start), steep, self.task.knots)

    def with_ends(self) -> SplineResponse:
        """Make the curves of the week of the offers, with the error of what discounts add."""
        found, error = self.curves(self.features, self.week), NORMAL_95 * float(self.task.lift_error)
        if np.isnan(error):
            return found
        low, high = (self.curves(self.features, self.week, np.exp(by)) for by in (-error, error))
        return dataclasses.replace(found, ends=(low, high))

    @cached_property
    def _seen(self) -> tuple[FloatArray, FloatArray]:
        """Find each candidate's probability, and what was off its price where seen. ``[P]``, ``[P, n]``."""
        known = self.candidates["probability"].to_numpy(dtype=np.float64).clip(SMALLEST, 1 - SMALLEST)
        return known, self.rates(self.seen_in) if len(self.seen_in) else np.zeros((len(known), 1))


def _among(candidates: pd.DataFrame, pairs: pd.DataFrame) -> BoolArray:
    """Tell which candidates are among some pairs. Shape ``[P]``."""
    known = pd.MultiIndex.from_frame(pairs[KEY[:2]])
    return np.asarray(pd.MultiIndex.from_frame(candidates[KEY[:2]]).isin(known), dtype=np.bool_)


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
    pairs = _pairs_of(data, candidates, week)
    groups = pair_groups(data.source, pairs.visits, data.asked.groups, data.panel.rows)[pairs.place]
    return features_in(data, pairs, (week,))[0], groups


def features_in(data: ResponseData, pairs: _Pairs, weeks: tuple[int, ...]) -> list[Float32Array]:
    """Compute what was known of pairs before each of some weeks. Shape ``[P, F]`` each."""
    past, visits, offers, place = pairs
    columns = np.array(weeks) - 1
    shelf = build_shelf(past.log, visits.items, visits.weeks)
    personal = None if offers is None else Personal.of(offers, visits)
    found = [
        table[line[place][:, None], columns].astype(np.float32)
        for name, table, line, _ in feature_tables(past, visits, shelf, data.asked, personal)
        if not name.startswith(data.without or "\0")
    ]
    if data.link is not None and not "link_score".startswith(data.without or "\0"):
        found.append(log_links(past.log, visits, data.link, 1)[:, columns].astype(np.float32)[place])
    return [np.stack([table[:, one] for table in found], axis=1) for one in range(len(weeks))]


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
