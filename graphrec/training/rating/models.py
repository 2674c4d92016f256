"""What foretells a rating: a regression on the features of both sides, or the ratings of similar items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from torch import nn

from graphrec.arrays import AnyFloatArray, Float32Array, FloatArray, IntArray
from graphrec.data.features.build import Features
from graphrec.data.features.reduction.estimators import fit_estimator, make_estimator, with_seed
from graphrec.data.interactions import Columns, Interactions
from graphrec.errors import InputError, check_at_least, check_seed
from graphrec.graph import BipartiteGraph
from graphrec.models.answers.foretold import FeatureRatings, ForetoldRatings
from graphrec.models.base import Recommender
from graphrec.models.neighbours import cosines


@dataclass(frozen=True)
class Ratings:
    """Ratings that somebody gave; those that cleaning filled are left out.

    Args:
        user: Codes. Shape ``[R]``.
        item: Codes. Shape ``[R]``.
        value: Ratings. Shape ``[R]``.
        users: Number of users.
        items: Number of items.
    """

    user: IntArray
    item: IntArray
    value: FloatArray
    users: int
    items: int

    @classmethod
    def of(cls, part: Interactions) -> Ratings:
        """Take the rated rows of a part."""
        frame = part.frame
        value = frame[Columns.RATING].to_numpy(dtype=np.float64, na_value=np.nan)
        given = np.isfinite(value)
        if Columns.RATING_MISSING in frame:
            given &= frame[Columns.RATING_MISSING].to_numpy() == 0
        codes = (
            frame[name].to_numpy(dtype=np.int64)[given] for name in (Columns.USER_CODE, Columns.ITEM_CODE)
        )
        user, item = codes
        return cls(user, item, value[given], len(part.users), len(part.items))

    def matrix(self) -> sp.csr_array:
        """Put the mean rating of each pair into a matrix. Sparse, shape ``[U, I]``."""
        shape = (self.users, self.items)
        total = sp.csr_array((self.value, (self.user, self.item)), shape=shape)
        count = sp.csr_array((np.ones(len(self.value)), (self.user, self.item)), shape=shape)
        total.data /= count.data
        return total


class RatingModel(nn.Module, ABC):
    """The protocol of `RatingTask`."""

    needs_features: ClassVar[bool] = False
    """Whether the data must have features."""

    @abstractmethod
    def fit(self, ratings: Ratings, features: Features | None) -> None:
        """Learn from the ratings of the training part."""

    @abstractmethod
    def predict(self, user: IntArray, item: IntArray) -> AnyFloatArray:
        """Foretell the ratings of some pairs of codes. Shapes ``[P]``."""

    def recommender(self, graph: BipartiteGraph) -> Recommender:
        """Make what ranks by the foretold ratings, once this is fitted.

        Args:
            graph: Of training.
        """
        return ForetoldRatings(graph, self.predict)


class FeatureRegressor(RatingModel):
    """The articles' ``f(θ, φ; x_u, x_i)``: any regression of scikit-learn on the features of both sides.

    Args:
        estimator: Regression with its arguments, as ``{class_path: sklearn.neural_network.MLPRegressor,
            init_args: {hidden_layer_sizes: [64]}}``, or its path alone.
        seed: Of the regression, unless it is given its own.
    """

    needs_features: ClassVar[bool] = True

    def __init__(self, estimator: dict[str, Any] | str, seed: int = 0) -> None:
        super().__init__()
        check_seed(seed=seed)
        self.estimator, self.seed = estimator, seed
        self._made()

    def fit(self, ratings: Ratings, features: Features | None) -> None:
        """Fit the regression to the rated pairs.

        Raises:
            InputError: If the data has no features, or the regression cannot be fitted.
        """
        if features is None:
            hint = "set it to a mapping, for example `features: {pca: 32}`"
            what = "this model reads feature vectors and the data has none"
            raise InputError(what, column="data.init_args.features", hint=hint)
        self._user, self._item = features.user, features.item
        columns = self._columns(ratings.user, ratings.item)
        self._fitted = fit_estimator(self._made(), columns, ratings.value, "regression")

    def predict(self, user: IntArray, item: IntArray) -> AnyFloatArray:
        """Foretell from the features of the two sides."""
        if not len(user):
            return np.zeros(0)
        return np.asarray(self._fitted.predict(self._columns(user, item)), dtype=np.float64)

    def recommender(self, graph: BipartiteGraph) -> Recommender:
        """Make what ranks by the regression, also for users of whom only features are known."""
        return FeatureRatings(graph, self._fitted)

    def _made(self) -> Any:
        return with_seed(make_estimator(self.estimator, "estimator", ["fit", "predict"]), self.seed)

    def _columns(self, user: IntArray, item: IntArray) -> Float32Array:
        return np.concatenate([self._user[user], self._item[item]], axis=1)


class RatingCF(RatingModel):
    """Item-based collaborative filtering on ratings, ``R_ui = Σ_j w_ij r_uj / Σ_j w_ij``.

    The sums go over the items ``j`` among the `neighbours` nearest of ``i`` that the user rated. ``w_ij`` is
    the cosine of the items' ratings (Sarwar et al., WWW 2001). The articles leave the division out, which
    orders items but gives no rating. Where the user rated no neighbour it is the mean of the item, and of
    all ratings for an item that nobody rated.

    Args:
        neighbours: Nearest items of each.
        shrinkage: Damps similarities that rest on few common raters.
    """

    def __init__(self, neighbours: int = 50, shrinkage: float = 10.0) -> None:
        super().__init__()
        check_at_least(1, neighbours=neighbours)
        check_at_least(0, shrinkage=shrinkage)
        self.neighbours, self.shrinkage = neighbours, shrinkage

    def fit(self, ratings: Ratings, features: Features | None) -> None:
        """Compute the similarities and the means."""
        self._ratings = ratings.matrix()
        self._weights = cosines(
            self._ratings.T.tocsr().astype(np.float32), self.neighbours, self.shrinkage, "Item similarities"
        )
        mean = float(ratings.value.mean())
        count = np.bincount(ratings.item, minlength=ratings.items)
        total = np.bincount(ratings.item, weights=ratings.value, minlength=ratings.items)
        self._means = np.where(count > 0, total / np.maximum(count, 1), mean)

    def predict(self, user: IntArray, item: IntArray) -> AnyFloatArray:
        """Average the user's ratings of similar items."""
        if not len(user):
            return np.zeros(0)
        weights, rated = self._weights[item], self._ratings[user]
        total = np.asarray(weights.multiply(rated).sum(axis=1)).ravel()
        known = np.asarray(weights.multiply(rated != 0).sum(axis=1)).ravel()
        return np.where(known > 0, total / np.where(known > 0, known, 1.0), self._means[item])
