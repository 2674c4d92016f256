"""From raw scores to probabilities of a purchase in so many weeks, learnt on the validation part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.arrays import AnyArray
from graphrec.data.interactions import Columns
from graphrec.data.splits import Split
from graphrec.errors import InputError
from graphrec.evaluation.probability.calibration import Calibrator, CalibratorKind, calibration_table
from graphrec.evaluation.probability.standing import Standing
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.candidates.labelled import Labelled, all_labelled, weeks_bought
from graphrec.offers.candidates.listed import batches, places_in, top_items

if TYPE_CHECKING:  # both bring PyG along, which offers must do without
    from graphrec.graph import BipartiteGraph
    from graphrec.models.base import ItemSet, Recommender


ENOUGH = 50
"""Purchases from which on a curve is fitted to lists alone."""
LISTED_USERS = 5_000
"""Users whose lists are looked at; each brings its best items alone."""


def calibrate(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    eligible: Eligibility | None = None,
    k: int = 20,
    items: ItemSet = "all",
) -> Calibration:
    """Learn what scores mean for the items that users may be offered, in validation and in a week of it.

    The best items of a user are bought more often than others of the same score: who has few purchases has
    low scores there, too. So the curves are those of the lists, as far as purchases on them are enough, and
    of whole catalogues (`fit_calibrator`) elsewhere.

    Args:
        recommender: Trained on `graph`, without the validation part.
        graph: Graph of the training part.
        split: With a validation part.
        eligible: Learn from these pairs alone, see `fit_calibrator`.
        k: Length of the lists.
        items: Which items may be on them.

    Raises:
        InputError: If the split has no validation part, or no pair is eligible.
    """
    whole, span = _sampled(recommender, graph, split, eligible=eligible), split.val_span
    listed = _listed(recommender, graph, split, eligible, k, items)
    both = ((whole, whole.standing(graph)), (listed, listed.standing(graph)))
    calibrator = _of_both(both, lambda pairs: pairs.bought)
    if span is None:
        return Calibration(calibrator, "the purchases of each user that validation holds out")
    weeks, weekly = span.weeks, None
    if weeks > 1.0:
        weekly = _of_both(both, lambda pairs: np.minimum(pairs.weeks / weeks, 1.0))
    return Calibration(calibrator, f"validation, {span}", weeks, weekly, _weeks_of(split.val.frame))


def _weeks_of(rows: pd.DataFrame) -> tuple[int, ...]:
    """List the weeks of some rows, none where the log has no weeks."""
    return tuple(np.unique(rows[Columns.WEEK]).tolist()) if Columns.WEEK in rows else ()


def _of_both(
    both: tuple[tuple[Labelled, Standing], tuple[Labelled, Standing]], label: Callable[[Labelled], AnyArray]
) -> Calibrator:
    """Fit curves to lists, the second, where enough was bought of them, and to whole catalogues elsewhere."""
    found, own = (
        Calibrator.fit(pairs.score, label(pairs), pairs.seen, weight=pairs.weight, standing=standing)
        for pairs, standing in both
    )
    listed = both[1][0]
    if listed.bought[listed.seen].sum() >= ENOUGH:
        found = replace(found, seen=own.seen, seen_adjusted=own.seen_adjusted)
    if listed.bought[~listed.seen].sum() >= ENOUGH:
        found = replace(found, new=own.new, new_adjusted=own.new_adjusted)
    return found


def _listed(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    eligible: Eligibility | None,
    k: int,
    items: ItemSet,
) -> Labelled:
    """Label the best items of many users, drawn where there are more than `LISTED_USERS`."""
    users = np.arange(len(split.users)) if eligible is None else np.flatnonzero(eligible.users)
    if len(users) > LISTED_USERS:
        users = np.sort(np.random.default_rng(0).choice(users, LISTED_USERS, replace=False))
    lists = pd.concat(
        [
            top_items(recommender, graph, batch, k, items, eligible)
            for batch in batches(users, len(split.items), "Calibrating")
        ]
    )
    bought = pd.DataFrame(weeks_bought(split), columns=[Columns.USER_CODE, Columns.ITEM_CODE, "weeks"])
    weeks = lists.merge(bought, how="left")["weeks"].fillna(0).to_numpy(dtype=np.int64)
    return Labelled(
        score=lists["score"].to_numpy(dtype=np.float64),
        bought=weeks > 0,
        seen=lists["seen"].to_numpy(dtype=np.bool_),
        weight=np.ones(len(lists)),
        weeks=weeks,
        **places_in(lists),
    )


def fit_calibrator(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    sample_users: int | None = 500,
    seed: int = 0,
    kind: CalibratorKind = "isotonic",
    max_pairs: int = 2_000_000,
    eligible: Eligibility | None = None,
) -> Calibrator:
    """Learn the probability of a purchase within the validation window from raw scores.

    Users are drawn from all of the training part, those who bought nothing in validation included: leaving
    them out would predict more purchases than there are. Each brings the whole catalogue. Where that is
    more than `max_pairs`, pairs that are neither bought nor seen are thinned and weighted up again, which
    keeps the probabilities unbiased.

    Args:
        recommender: Trained on `graph`, without the validation part.
        graph: Graph of the training part.
        split: With a validation part.
        sample_users: Users to draw; all if missing or more than there are.
        seed: Of the draws.
        kind: See `Calibrator.fit`.
        max_pairs: Bound of memory, about 20 bytes a pair.
        eligible: Learn from these pairs alone, of all their users: an item whose sales fade, or a household
            that comes less often, buys less than its score says elsewhere.

    Raises:
        InputError: If the split has no validation part, or no pair is eligible.
    """
    labelled = _sampled(recommender, graph, split, sample_users, seed, max_pairs, eligible)
    return _fitted(labelled, graph, kind)


def _fitted(labelled: Labelled, graph: BipartiteGraph, kind: CalibratorKind = "isotonic") -> Calibrator:
    known = (labelled.score, labelled.bought, labelled.seen)
    return Calibrator.fit(*known, kind, labelled.weight, labelled.standing(graph))


def _sampled(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    sample_users: int | None = 500,
    seed: int = 0,
    max_pairs: int = 2_000_000,
    eligible: Eligibility | None = None,
) -> Labelled:
    """Draw users and label their pairs, see `fit_calibrator`."""
    if not len(split.val):
        hint = "calibrate on a split made without refit"
        raise InputError("there is no validation part to calibrate on", column="refit", hint=hint)
    rng = np.random.default_rng(seed)
    users, items = np.arange(len(split.users)), len(split.items)
    if eligible is not None:
        users, items, sample_users = users[eligible.users], int(eligible.items.sum()), None
    if sample_users is not None and sample_users < len(users):
        users = np.sort(rng.choice(users, sample_users, replace=False))
    keep = min(1.0, max_pairs / max(len(users) * items, 1))
    return all_labelled(recommender, graph, split, users, keep, rng, eligible)


def calibration_check(
    recommender: Recommender,
    graph: BipartiteGraph,
    split: Split,
    sample_users: int = 400,
    seed: int = 1,
    max_pairs: int = 1_000_000,
) -> pd.DataFrame:
    """Calibrate on one half of some users, and compare with what the other half bought in validation.

    Args:
        recommender: Trained on `graph`, without the validation part.
        graph: Graph of the training part.
        split: With a validation part.
        sample_users: Users of both halves; all if there are fewer.
        seed: Of the draws.
        max_pairs: Bound of memory, see `fit_calibrator`.

    Returns:
        What `graphrec.evaluation.probability.calibration.calibration_table` returns, for the second half.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(split.users))[: max(2, sample_users)]
    keep = min(1.0, max_pairs / max(len(drawn) * len(split.items), 1))
    fitted, judged = (
        all_labelled(recommender, graph, split, np.sort(half), keep, rng, None)
        for half in np.array_split(drawn, 2)
    )
    known = (judged.score, judged.seen, judged.standing(graph))
    probability = _fitted(fitted, graph).probability(*known)
    return calibration_table(probability, judged.bought, weight=judged.weight)
