"""Accounts of models that read features: what each column of the tables and of the log adds to a score.

The parts are Shapley values of the whole way from columns to score, principal components and pipelines
included. They are told from a customer and a product that are average in everything, whose score is what no
column adds. shap explains the classifier alone, in whose inputs no column is left after principal components.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from graphrec.arrays import AnyFloatArray, BoolArray, Float32Array, FloatArray, IntArray
from graphrec.data.features.build import Features
from graphrec.data.features.fitted import FittedSide
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.folded import FoldedIn
from graphrec.models.answers.foretold import FeatureRatings
from graphrec.models.base import Recommender
from graphrec.models.embedding import EmbeddingRecommender
from graphrec.models.encoders.features import FeatureTowers, RawFeatures, side_of
from graphrec.models.feature_ranker import FeatureRanker, FeatureTrees
from graphrec.models.reasons.coalitions import Coalitions, coalitions

PairScores = Callable[[Float32Array, Float32Array], FloatArray]
"""From features of users ``[P, F_u]`` and of items ``[P, F_i]`` to scores of the pairs ``[P]``."""
Side = Literal["user", "item"]
_ROWS = 50_000
"""Pairs that are scored at once."""


@dataclass(frozen=True)
class Column:
    """A column of a table, or a fact of the log, with all its levels.

    Args:
        side: What it is of.
        name: As ``attributes:brand`` or ``behaviour:trips_per_week``.
        levels: Of the categories, in the order of the places; empty for a number.
        places: Where it stands among the columns of its side.
    """

    side: Side
    name: str
    levels: list[str]
    places: IntArray


@dataclass(frozen=True)
class ColumnAccount:
    """What columns add to the scores of some items for one user.

    Args:
        columns: Which they are, ``M``.
        parts: What each adds to each score. Shape ``[M, K]``.
        above: How far above the average each is, at its highest level. Shape ``[M, K]``.
        highest: Place of that level among its levels; 0 for a number. Shape ``[M, K]``.
    """

    columns: list[Column]
    parts: FloatArray
    above: FloatArray
    highest: IntArray


@dataclass(frozen=True)
class _Known:
    """Columns of one side.

    Args:
        values: Of all users or items, less those of the average one. Shape ``[n, Z]``.
        average: Of training. Shape ``[Z]``.
        columns: Which they are.
        through: From columns to features.
    """

    values: AnyFloatArray
    average: AnyFloatArray
    columns: list[Column]
    through: Callable[[AnyFloatArray], Float32Array]

    @classmethod
    def of(
        cls,
        side: Side,
        features: Float32Array,
        training: Float32Array,
        names: list[str],
        fitted: FittedSide | None,
    ) -> _Known:
        """Go back from features to columns; features are their own columns where that cannot be done.

        Args:
            side: Which side.
            features: Of those that are explained.
            training: Of all that training knows.
            names: Of the features.
            fitted: What made them.
        """
        found = None if fitted is None else fitted.columns_of(features)
        known = None if fitted is None else fitted.columns_of(training)
        if fitted is None or found is None or known is None:
            average = training.mean(axis=0)
            return cls(features - average, average, _grouped(side, names), _as_it_is)
        raw = [fitted.raw[place] for place in fitted.kept]
        average = known.mean(axis=0)
        return cls(found - average, average, _grouped(side, raw), fitted.through)

    def features(self, chosen: IntArray, members: BoolArray) -> Float32Array:
        """Make features of some rows, each with only some columns of its own. ``[n * k, F]``.

        Args:
            chosen: Rows ``[k]``.
            members: Which columns are their own; others are average. Shape ``[n, M]``.
        """
        own = np.zeros((len(members), self.values.shape[1]), dtype=bool)
        for player, column in enumerate(self.columns):
            own[:, column.places] = members[:, player, None]
        mixed = self.average + own[:, None, :] * self.values[chosen][None]
        return self.through(mixed.reshape(len(members) * len(chosen), self.values.shape[1]))


class ColumnAccounts:
    """What tells what the columns of a user and of some items add to their scores.

    Args:
        scores: Of pairs, by their features.
        user: Columns of the users.
        item: Columns of the items.
    """

    def __init__(self, scores: PairScores, user: _Known, item: _Known) -> None:
        self.scores, self.user, self.item = scores, user, item
        self.asked = coalitions(len(user.columns) + len(item.columns))

    def __call__(self, user: int, items: Tensor) -> ColumnAccount:
        """Account for the scores of some items ``[K]``; what is left is the score of the average pair."""
        codes = items.cpu().numpy()
        size = max(_ROWS // len(self.asked.members), 1)
        parts = [self._parts(user, codes[start : start + size]) for start in range(0, len(codes), size)]
        highest, above = (
            np.concatenate(both)
            for both in zip(
                _highest(self.user, np.repeat(user, len(codes))), _highest(self.item, codes), strict=True
            )
        )
        columns = [*self.user.columns, *self.item.columns]
        return ColumnAccount(columns, np.concatenate(parts, axis=1), above, highest)

    def _parts(self, user: int, items: IntArray) -> FloatArray:
        """Ask all coalitions of the columns of one user and each of some items. Shape ``[M, K]``."""
        asked: Coalitions = self.asked
        border, count = len(self.user.columns), len(items)
        own = self.user.features(np.array([user]), asked.members[:, :border])
        theirs = self.item.features(items, asked.members[:, border:])
        values = self.scores(np.repeat(own, count, axis=0), theirs).reshape(-1, count)
        return asked.weights @ values


def column_accounts(model: Recommender, features: Features | None) -> ColumnAccounts | None:
    """Make the accounts of a model's scores by columns; None if it reads more than features.

    Args:
        model: Fitted, or what ranks for people of whom only features are known.
        features: Of the data that it was fitted to.
    """
    fitted = model.model if isinstance(model, FoldedIn) else model
    scores = _scores_of(fitted)
    if scores is None or features is None:
        return None
    graph: BipartiteGraph = fitted.graph
    people, known, items = (
        side_of(*one).cpu().numpy() for one in ((model.graph, "user"), (graph, "user"), (graph, "item"))
    )
    made = features.fitted
    user = _Known.of("user", people, known, features.user_names, made.user if made else None)
    item = _Known.of("item", items, items, features.item_names, made.item if made else None)
    return ColumnAccounts(scores, user, item)


def _scores_of(model: Recommender) -> PairScores | None:
    """Find how a model scores pairs by their features alone; a subclass may score in another way."""
    if isinstance(model, EmbeddingRecommender):
        found = _ENCODERS.get(type(model.encoder))
        return found(model) if found and type(model) is EmbeddingRecommender else None
    if type(model) is FeatureRatings:
        return model.ratings
    return cast(FeatureRanker, model).log_odds if type(model) in (FeatureRanker, FeatureTrees) else None


def _of_towers(model: EmbeddingRecommender) -> PairScores:
    encoder = cast(FeatureTowers, model.encoder)
    return _decoded(model, encoder.user, encoder.item)


def _of_raw(model: EmbeddingRecommender) -> PairScores:
    return _decoded(model, torch.nn.Identity(), torch.nn.Identity())


def _decoded(model: EmbeddingRecommender, user: torch.nn.Module, item: torch.nn.Module) -> PairScores:
    device = model.graph.edge_item.device

    @torch.no_grad()
    def scores(users: Float32Array, items: Float32Array) -> FloatArray:
        left, right = (torch.from_numpy(side).to(device) for side in (users, items))
        values: FloatArray = model.decoder(user(left), item(right)).double().cpu().numpy()
        return values

    return scores


_ENCODERS: Mapping[type, Callable[[EmbeddingRecommender], PairScores]] = {
    FeatureTowers: _of_towers,
    RawFeatures: _of_raw,
}


def _as_it_is(columns: AnyFloatArray) -> Float32Array:
    return columns.astype(np.float32)


def _grouped(side: Side, names: list[str]) -> list[Column]:
    """Put the levels of each column together, in the order in which columns first appear."""
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        found.setdefault(name.partition("=")[0], []).append(place)
    return [
        Column(side, name, [names[place].partition("=")[2] for place in places], np.array(places))
        for name, places in found.items()
    ]


def _highest(side: _Known, rows: IntArray) -> tuple[IntArray, FloatArray]:
    """Find the level of each column that stands highest above the average. Shapes ``[M, K]``."""
    if not side.columns:
        return np.zeros((0, len(rows)), dtype=np.int64), np.zeros((0, len(rows)))
    values = [side.values[rows][:, column.places] for column in side.columns]
    highest = np.stack([value.argmax(axis=1) for value in values])
    return highest, np.stack([value.max(axis=1) for value in values]).astype(np.float64)
