"""Any classifier of scikit-learn on the features of user and item: no ids, no graph."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from graphrec.arrays import Float32Array, FloatArray
from graphrec.data.features.reduction.estimators import fit_estimator, make_estimator, with_seed
from graphrec.errors import MOST_ROUNDS, InputError, check_above, check_at_least, check_between, check_seed
from graphrec.graph import BipartiteGraph
from graphrec.kernels.memory import check_room
from graphrec.models.base import ClosedForm, Scores
from graphrec.models.encoders.features import features_of, side_of

_ROWS = 500_000
"""Pairs that are scored at once: 128 MB of 64 features."""
_LEAST = 1e-6
"""Probability below which, and above one less which, log odds go no further."""


class FeatureRanker(ClosedForm):
    """Ranks by the log odds that a pair was bought, from a classifier on the features of its two sides.

    Bought pairs are told from pairs drawn at random that were not. It sees the very features that
    `FeatureTowers` sees, so that the two differ in the form of the function alone. A function that is linear
    in both sides, as a logistic regression is, ranks the items alike for everybody.

    Args:
        estimator: Classifier with its arguments, as ``{class_path: sklearn.tree.DecisionTreeClassifier,
            init_args: {max_depth: 8}}``, or its path alone.
        negatives: Pairs that were not bought, for each one that was.
        seed: Of their draw, and of the classifier unless it is given its own.
    """

    needs_features: ClassVar[bool] = True

    def __init__(
        self,
        estimator: dict[str, Any] | str = "sklearn.ensemble.HistGradientBoostingClassifier",
        negatives: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, negatives=negatives)
        check_seed(seed=seed)
        self.estimator, self.negatives, self.seed = estimator, negatives, seed
        self._made()
        self._fitted: Any = None

    def _made(self) -> Any:
        """Make the classifier, not fitted yet."""
        made = with_seed(make_estimator(self.estimator, "estimator", ["fit"]), self.seed)
        if not (hasattr(type(made), "decision_function") or hasattr(type(made), "predict_proba")):
            what = f"{type(made).__name__} gives neither decision_function nor predict_proba"
            raise InputError(what, column="estimator", hint="name a classifier of scikit-learn")
        return made

    def fit(self, graph: BipartiteGraph) -> None:
        """Tell bought pairs from random ones.

        Raises:
            InputError: If the data has no features, or the classifier cannot be fitted to them.
        """
        self.graph = graph
        self._user, self._item = (table.cpu().numpy() for table in features_of(graph))
        user, item = graph.edge_user.cpu(), graph.edge_item.cpu()
        others, drawn = self._not_bought(graph, user)
        users, items = torch.cat([user, others]).numpy(), torch.cat([item, drawn]).numpy()
        columns = np.concatenate([self._user[users], self._item[items]], axis=1)
        bought = np.arange(len(columns)) < len(user)
        self._fitted = None
        if len(user) and len(others):
            self._fitted = fit_estimator(self._made(), columns, bought, "classifier")

    @torch.no_grad()
    def score(self, users: Tensor) -> Tensor:
        """Compute log odds of every pair. Shape ``[B, I]``."""
        return self._odds(self._user, users)

    describes_users: ClassVar[bool] = True
    """Whether features tell who a user is, without any purchase."""

    def fold_in(self, baskets: BipartiteGraph) -> Scores:
        """Put the features of the users of the baskets in the place of those of training."""
        features = side_of(baskets, "user").cpu().numpy()
        return lambda users: self._odds(features, users)

    @torch.no_grad()
    def _odds(self, features: Float32Array, users: Tensor) -> Tensor:
        """Compute log odds of users with these features ``[n, F]`` and all items. Shape ``[B, I]``."""
        size = self.graph.num_items
        if self._fitted is None or not len(users):
            return torch.zeros(len(users), size, device=users.device)
        every, rows = np.arange(size), []
        for part in torch.split(users.cpu(), max(_ROWS // max(size, 1), 1)):
            codes = part.numpy()
            user, item = features[np.repeat(codes, size)], self._item[np.tile(every, len(codes))]
            odds = self.log_odds(user, item)
            rows.append(torch.from_numpy(odds.astype(np.float32)).view(len(codes), size))
        return torch.cat(rows).to(users.device)

    def log_odds(self, user: Float32Array, item: Float32Array) -> FloatArray:
        """Compute log odds of pairs from the features of their sides.

        Args:
            user: Shape ``[P, F_u]``.
            item: Shape ``[P, F_i]``.

        Returns:
            Shape ``[P]``; zeros where there was nothing to learn from.
        """
        if self._fitted is None:
            return np.zeros(len(user))
        columns = np.concatenate([user, item], axis=1)
        if hasattr(self._fitted, "decision_function"):
            return np.asarray(self._fitted.decision_function(columns), dtype=np.float64)
        probability = np.clip(self._fitted.predict_proba(columns)[:, 1], _LEAST, 1 - _LEAST)
        return np.asarray(np.log(probability / (1 - probability)), dtype=np.float64)

    def _not_bought(self, graph: BipartiteGraph, user: Tensor) -> tuple[Tensor, Tensor]:
        """Draw items for the users of all edges, and leave out what they have bought."""
        row = 4 * (self._user.shape[1] + self._item.shape[1]) + 16
        check_room(row * self.negatives * len(user), negatives=self.negatives)
        generator = torch.Generator().manual_seed(self.seed)
        users = user.repeat(self.negatives)
        items = torch.randint(graph.num_items, (len(users),), generator=generator)
        device = graph.edge_item.device
        new = ~graph.seen.contains(users.to(device), items[:, None].to(device))[:, 0].cpu()
        return users[new], items[new]


class FeatureTrees(FeatureRanker):
    """`FeatureRanker` with scikit-learn's boosted trees.

    One tree without shrinkage (``trees: 1, learning_rate: 1``) is a decision tree.

    Args:
        trees: Boosting rounds.
        leaves: Leaves of a tree.
        learning_rate: Shrinkage of a tree.
        negatives: Pairs that were not bought, for each one that was.
        seed: Of their draw.
    """

    def __init__(
        self,
        trees: int = 100,
        leaves: int = 31,
        learning_rate: float = 0.1,
        negatives: int = 1,
        seed: int = 0,
    ) -> None:
        check_between(1, MOST_ROUNDS, trees=trees)
        check_at_least(2, leaves=leaves)
        check_above(0, learning_rate=learning_rate)
        boosting = {
            "max_iter": trees,
            "max_leaf_nodes": leaves,
            "learning_rate": learning_rate,
            "early_stopping": False,
        }
        path = "sklearn.ensemble.HistGradientBoostingClassifier"
        super().__init__({"class_path": path, "init_args": boosting}, negatives, seed)
