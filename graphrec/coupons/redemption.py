"""Will a user redeem a coupon? Link scores of the purchase graph, and trees averaged with a regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from rich.progress import track

from graphrec.arrays import Float32Array, FloatArray, IntArray
from graphrec.coupons.campaigns import START, CouponData
from graphrec.coupons.features import campaign_features, long_features
from graphrec.coupons.history import History, covered_items
from graphrec.coupons.sent import SentRegression, scaling
from graphrec.errors import check_at_least
from graphrec.kernels.eigenvectors import decompose
from graphrec.kernels.sparse import SparseMatrix

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline

NOT_FEATURES = ("campaign_id", "user", "coupon", "redeemed")
RISING = ("covered_", "type_", "category_", "maker_", "redeemed_", "user_redeem", "coupon_redeemed", "link_")
"""Features by the start of their names that may only raise the probability."""
_FREE = ("covered_share", "covered_lift", "user_redeemed_days", "link_place")
_CUBE = 3.0
"""Exponent of the similarity of users: 2,400 users who are a little alike would drown the few who are."""


def link_features(
    history: History, users: IntArray, coupons: IntArray, covers: sp.csr_matrix, rank: int
) -> dict[str, Float32Array]:
    """Score (user, coupon) links on the graph user - item - coupon, a coupon being the sum of its items.

    The leading eigenvectors ``V`` of the item graph are an ideal low-pass filter (Shen et al., "How powerful
    is graph convolution for recommendation?", CIKM 2021): ``x_u D^-1/2 V Vᵀ D^1/2``, pooled over the items.

    Args:
        history: Purchases and redemptions that are edges of the graph.
        users: IntArray. Shape ``[B]``.
        coupons: IntArray. Shape ``[C]``.
        covers: Items by coupons. Shape ``[I, C]``.
        rank: Eigenvectors to keep.

    Returns:
        Matrices ``[B, C]``: ``link_sum`` the filtered purchases of covered items; ``link_cosine`` the angle
        of the vectors; ``link_place`` its place in the user's pool; ``link_redeemers`` how alike earlier
        redeemers of the coupon are; ``link_redeemed_alike`` how much users like this one have redeemed.
    """
    vectors, item_vectors, degree = user_vectors(history, rank)
    pooled = (item_vectors * degree[:, None]).T @ covers
    mine = vectors[users]
    unit = mine / np.maximum(np.linalg.norm(mine, axis=1, keepdims=True), 1e-9)
    everyone = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    cosine = unit @ (pooled / np.maximum(np.linalg.norm(pooled, axis=0), 1e-9))
    alike = np.maximum(unit @ everyone.T, 0) ** _CUBE
    alike[np.arange(len(users)), users] = 0  # the user's own redemptions are another feature
    past = history.past_redemptions
    redeemed = np.asarray(past.sum(axis=1)).ravel()
    rate = (alike @ redeemed) / np.maximum(alike.sum(axis=1), 1e-9)
    return {
        "link_sum": np.asarray(mine @ pooled, dtype=np.float32),
        "link_cosine": np.asarray(cosine, dtype=np.float32),
        "link_place": pd.DataFrame(cosine).rank(axis=1, ascending=False).to_numpy("float32"),
        "link_redeemers": np.asarray(past[:, coupons].T @ alike.T, dtype=np.float32).T,
        "link_redeemed_alike": np.broadcast_to(rate[:, None], cosine.shape).astype(np.float32),
    }


def user_vectors(history: History, rank: int) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Place users and items in the space of the item graph's leading eigenvectors, and give items' √degree.

    Returns:
        ``x D_I^-1/2 V [U, D]``, ``V [I, D]`` and ``D_I^1/2 [I]``; ``D`` is at most `rank`.
    """
    bought = (history.item_weeks > 0).astype(np.float32)
    user_root, item_root = (np.sqrt(np.maximum(np.asarray(bought.sum(axis=a)).ravel(), 1)) for a in (1, 0))
    signal = (bought @ sp.diags(1 / item_root)).astype(np.float32)
    found = decompose(SparseMatrix(sp.csr_matrix(sp.diags(1 / user_root) @ signal)), rank)
    eigenvectors = found.vectors.cpu().numpy()
    return signal @ eigenvectors, eigenvectors, item_root.astype(np.float32)


def redemption_table(data: CouponData, campaigns: tuple[int, ...], rank: int = 64) -> pd.DataFrame:
    """Build the candidates of campaigns with all features, each from before the campaign's first day.

    Args:
        data: All tables.
        campaigns: Their ids.
        rank: Eigenvectors of the graph's link scores.
    """
    parts = []
    for campaign in track(campaigns, "Features of campaigns", transient=True):
        history = History(data, data.campaign(campaign)[START])
        table = campaign_features(data, campaign)
        links = link_features(history, np.unique(table["user"]), *covered_items(data, campaign), rank)
        parts.append(pd.concat([table, long_features(links)], axis=1))
    return pd.concat(parts, ignore_index=True)


@dataclass
class RedemptionEnsemble:
    """Gradient-boosted trees over seeds and a regression that knows of pools, averaged in the log-odds.

    Trees follow thresholds of the few large campaigns that they are fitted on and predict too much for their
    best pairs; the regression is smooth, knows that a coupon of a pool has to be sent before it can be
    redeemed (`SentRegression`), and errs elsewhere. Each tree is monotone in what can only help, the
    regression and so the mean is not: its features overlap, and their coefficients may have either sign.

    Redemptions are rare (0.3 %) and most other pairs are idle: no covered item was ever bought. Each member
    sees all pairs with a purchase or a redemption and its own draw of the idle ones, weighted up.

    Args:
        columns: Features to use.
        members: Trees are boosted this often, with seeds that follow on one another.
        trees: Rounds of boosting.
        learning_rate: Shrinkage of each.
        leaves: Of each tree.
        idle_share: Share of idle pairs that a member sees.
        monotone: Whether the features of `RISING` may only raise the log-odds of a tree.
        regression_share: Weight of the regression in the mean; 0 leaves the trees alone.
        strength: Inverse of the penalty of the regression.
        seed: Of the first member.
    """

    columns: list[str]
    members: int = 5
    trees: int = 200
    learning_rate: float = 0.04
    leaves: int = 6
    idle_share: float = 0.1
    monotone: bool = True
    regression_share: float = 0.5
    strength: float = 0.05
    seed: int = 0
    fitted: list[HistGradientBoostingClassifier] = field(default_factory=list, repr=False)
    regression: SentRegression | None = field(default=None, repr=False)

    def fit(self, table: pd.DataFrame) -> RedemptionEnsemble:
        """Fit all members to a table with the columns of `redemption_table`."""
        check_at_least(1, members=self.members, trees=self.trees)
        self.fitted = [
            self._member(table, self.seed + number)
            for number in track(range(self.members), "Ensemble", transient=True)
        ]
        rows, weight = thin_idle(table, self.idle_share, self.seed)
        self.regression = SentRegression(self.columns, self.strength).fit(table.iloc[rows], weight)
        return self

    def log_odds(self, table: pd.DataFrame) -> FloatArray:
        """Average the trees' and the regression's log-odds by weight. ``[P]`` rows to ``[P]``.

        Args:
            table: Whole campaigns: all coupons that a household may get.

        Raises:
            RuntimeError: Before `fit`.
        """
        if self.regression is None:
            raise RuntimeError("fit comes before log_odds")
        smooth = self.regression.log_odds(table)
        return (1 - self.regression_share) * self.boosted_log_odds(table) + self.regression_share * smooth

    def boosted_log_odds(self, table: pd.DataFrame) -> FloatArray:
        """Average the log-odds of the boostings alone. ``[P]`` rows to ``[P]``."""
        values = table[self.columns].to_numpy()
        logits = [member.decision_function(values) for member in self.fitted]
        return np.asarray(np.mean(logits, axis=0), dtype=np.float64)

    def probability(self, table: pd.DataFrame) -> FloatArray:
        """Compute the probability that the coupon is redeemed during the campaign. Shape ``[P]``."""
        return np.asarray(1 / (1 + np.exp(-self.log_odds(table))))

    def _member(self, table: pd.DataFrame, seed: int) -> HistGradientBoostingClassifier:
        from sklearn.ensemble import HistGradientBoostingClassifier  # takes long to import

        rows, weight = thin_idle(table, self.idle_share, seed)
        model = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_iter=self.trees,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=100,
            l2_regularization=10.0,
            max_features=0.3,
            max_bins=63,
            early_stopping=False,
            monotonic_cst=[int(self.monotone and rises(name)) for name in self.columns],
            random_state=seed,
        )
        part = table.iloc[rows]
        return model.fit(part[self.columns].to_numpy(), part["redeemed"], sample_weight=weight)


def fit_logistic(table: pd.DataFrame, columns: list[str], idle_share: float, seed: int) -> Pipeline:
    """Fit a logistic regression on logarithms of features, standardised and cut off at three deviations.

    Args:
        table: With the columns of `redemption_table`.
        columns: Features to use.
        idle_share: Share of idle pairs to fit on.
        seed: Of their draw.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows, weight = thin_idle(table, idle_share, seed)
    model = make_pipeline(scaling(), LogisticRegression(C=0.003, max_iter=300))
    part = table.iloc[rows]
    values = part[columns].to_numpy(np.float64)
    return model.fit(values, part["redeemed"], logisticregression__sample_weight=weight)


def rises(name: str) -> bool:
    """Tell whether more of a feature can only make a redemption more likely."""
    return name.startswith(RISING) and name not in _FREE


def thin_idle(table: pd.DataFrame, share: float, seed: int) -> tuple[IntArray, FloatArray]:
    """Choose rows to keep and what each stands for: every active pair, and a share of the idle ones."""
    active = (table["redeemed"] | (table["covered_weeks"] > 0)).to_numpy()
    drawn = np.random.default_rng(seed).random(len(table)) < share
    rows = np.flatnonzero(active | drawn)
    return rows, np.where(active[rows], 1.0, 1 / share)
