"""What a real log says about a shop's pairs: how often each is bought at full price, who reacts to discounts.

The semi-synthetic market of `graphrec.offpolicy.market` starts from these facts. Features are read from the
weeks up to the median purchase, responses from those after it, so that nothing is explained by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.offpolicy.slope_effects import slope_effects
from graphrec.response.curves import discount_affinity, elasticity_from_affinity

FEATURES = (
    "link_score",
    "log_price",
    "log_weeks_bought",
    "weeks_since_bought",
    "log_popularity",
    "visit_rate",
    "affinity",
    "affinity_rank",
    "log_product_elasticity",
)
"""What a shop knows of a pair; the link score is the history model's logit at full price."""
QUARTILES = 4
CONTROLLED = 0.65
"""What is left of a product's effect. Depth comes with displays and mailers, which this measurement leaves
out; on Complete Journey controlling for them shrinks the elasticity of units from 1.72 to 1.11."""
PRODUCT_RANGE = (0.4, 2.5)
"""Elasticity of a product relative to the typical one; estimates beyond are noise."""


@dataclass(frozen=True)
class MarketFacts:
    """Facts of ``P`` pairs of user and item.

    Args:
        user: Codes. Shape ``[P]``.
        item: Codes. Shape ``[P]``.
        category: Codes of the items' categories; all 0 where the log has none. Shape ``[P]``.
        price: Median regular price, money per unit. Shape ``[P]``.
        visit_rate: Share of the weeks in which the user shops. Shape ``[P]``.
        features: Observable features, in the order of `FEATURES`. Shape ``[P, F]``.
        elasticity: What the user's affinity and the item say of the pair's elasticity. Shape ``[P]``.
        quartile_elasticity: Mean elasticity by quartile of discount affinity, as fitted here. Shape ``[4]``.
        household_sigma: Spread of the households' elasticity beyond their affinity, relative to the typical
            one; an upper bound, since what the fit leaves out is in it.
        base_sigma: Spread of the pairs' logit at full price beyond the history model; an upper bound too.
        rows: Pairs times visited weeks that the facts were measured on.
    """

    user: IntArray
    item: IntArray
    category: IntArray
    price: FloatArray
    visit_rate: FloatArray
    features: FloatArray
    elasticity: FloatArray
    quartile_elasticity: FloatArray
    household_sigma: float
    base_sigma: float
    rows: int

    def __len__(self) -> int:
        """Count the pairs ``P``."""
        return len(self.user)

    @property
    def link_score(self) -> FloatArray:
        """Logit of a purchase at full price, as the history model sees it. Shape ``[P]``."""
        return self.features[:, FEATURES.index("link_score")]


def market_facts(
    log: pd.DataFrame,
    items: pd.DataFrame | None = None,
    category: str = "product_category",
    min_weeks: int = 2,
    min_sold: float = 0.75,
) -> MarketFacts:
    """Measure the facts on a log.

    Pairs are those bought in `min_weeks` weeks of the first half, of items that sold in at least the share
    `min_sold` of all weeks. The reason is the depth that a non-buyer faced: it is the median depth of the
    item's sales in that week, known only where something was sold.

    Args:
        log: Purchases with user, item, week, quantity, regular and shelf price.
        items: One row per item, with a category.
        category: Its column.
        min_weeks: Weeks of the first half in which a pair must have been bought.
        min_sold: Share of the weeks in which an item must have sold.

    Raises:
        InputError: If a column is missing, or too few pairs or too little variation are left.
    """
    for column in (Columns.USER, Columns.ITEM, Columns.WEEK, Columns.QUANTITY, Columns.REGULAR_PRICE):
        if column not in log:
            raise InputError("the simulator needs this column", column=column, hint="map this column")
    affinity = discount_affinity(log[log[Columns.WEEK] <= log[Columns.WEEK].median()])
    half = int(log[Columns.WEEK].median())
    pairs = _pairs(log, half, min_weeks, min_sold).join(affinity, on=Columns.USER)
    pairs["affinity"] = pairs["affinity"].fillna(float(affinity.median()))
    pairs["affinity_rank"] = pairs["affinity"].rank(pct=True)
    by_user = pairs.groupby(Columns.USER)["affinity"].first().rank(pct=True, method="first")
    quartile = (QUARTILES * (by_user - 1e-9) // 1).astype(int)
    pairs["quartile"] = pairs[Columns.USER].map(quartile.to_dict())
    panel = _panel(log, pairs, half)
    if panel["bought"].nunique() < 2 or panel["steps"].nunique() < 2:
        hint = "give a longer log with discounts in it"
        raise InputError("no response can be measured: purchases or depths do not vary", hint=hint)
    return _measure(pairs, panel, _codes(pairs, items, category))


def _pairs(log: pd.DataFrame, half: int, min_weeks: int, min_sold: float) -> pd.DataFrame:
    """Gather the pairs with their history in the first half, one row each."""
    first = log[log[Columns.WEEK] <= half]
    weekly = first.drop_duplicates([Columns.USER, Columns.ITEM, Columns.WEEK])
    pairs = weekly.groupby([Columns.USER, Columns.ITEM])[Columns.WEEK].agg(weeks="size", last="max")
    pairs = pairs[pairs["weeks"] >= min_weeks].reset_index()
    sold = log.groupby(Columns.ITEM)[Columns.WEEK].nunique() / log[Columns.WEEK].nunique()
    pairs = pairs[pairs[Columns.ITEM].map(sold) >= min_sold].reset_index(drop=True)
    if len(pairs) < QUARTILES:
        hint = "lower min_weeks or min_sold, or give a longer log"
        raise InputError(f"only {len(pairs)} pairs are left", column="min_weeks", hint=hint)
    visits = weekly.drop_duplicates([Columns.USER, Columns.WEEK]).groupby(Columns.USER).size()
    pairs["visits"] = pairs[Columns.USER].map(visits)
    pairs["visit_rate"] = pairs["visits"] / first[Columns.WEEK].nunique()
    pairs["since"] = half - pairs["last"]
    prices = log[log[Columns.REGULAR_PRICE] > 0].groupby(Columns.ITEM)[Columns.REGULAR_PRICE].median()
    pairs["price"] = pairs[Columns.ITEM].map(prices)
    pairs["popularity"] = pairs[Columns.ITEM].map(first.groupby(Columns.ITEM)[Columns.USER].nunique())
    priced: pd.DataFrame = pairs.dropna(subset=["price"]).reset_index(drop=True)
    return priced


def _panel(log: pd.DataFrame, pairs: pd.DataFrame, half: int) -> pd.DataFrame:
    """Build a row per pair and week of the second half in which its user shopped: `bought`, `steps`."""
    second = log[log[Columns.WEEK] > half]
    visits = second[[Columns.USER, Columns.WEEK]].drop_duplicates()
    keys = [Columns.USER, Columns.ITEM, Columns.WEEK]
    panel = pairs[[Columns.USER, Columns.ITEM]].reset_index(names="pair").merge(visits, on=Columns.USER)
    bought = second[keys].drop_duplicates().assign(bought=1.0)
    depth = (1.0 - second[Columns.SHELF_PRICE] / second[Columns.REGULAR_PRICE]).clip(0.0, 0.6)
    weekly = second.assign(depth=depth).groupby(keys[1:], as_index=False)["depth"].median()
    panel = panel.merge(bought, on=keys, how="left").merge(weekly, on=keys[1:], how="left")
    panel["bought"] = panel["bought"].fillna(0.0)
    panel["steps"] = -np.log1p(-panel["depth"].fillna(0.0))
    columns: pd.DataFrame = panel[["pair", "bought", "steps"]]
    return columns


def _codes(pairs: pd.DataFrame, items: pd.DataFrame | None, category: str) -> dict[str, IntArray]:
    """Make contiguous codes of users, items and categories."""
    named: pd.Series[Any] = pd.Series("", index=pairs.index)
    if items is not None and category in items:
        named = pairs[Columns.ITEM].map(items.set_index(Columns.ITEM)[category]).fillna("")
    columns = {"user": pairs[Columns.USER], "item": pairs[Columns.ITEM], "category": named}
    return {name: np.asarray(pd.factorize(of)[0], dtype=np.int64) for name, of in columns.items()}


def _measure(pairs: pd.DataFrame, panel: pd.DataFrame, codes: dict[str, IntArray]) -> MarketFacts:
    """Fit purchases on history and on depth by affinity quartile, then read off what is left over."""
    pair = panel["pair"].to_numpy()
    bought, steps = panel["bought"].to_numpy(), panel["steps"].to_numpy()
    history = _history(pairs)
    quartile = pairs["quartile"].to_numpy()
    slopes = np.eye(QUARTILES)[quartile[pair]] * steps[:, None]
    # next to no penalty: slopes shrunk towards 0 would make a market without response
    model = LogisticRegression(C=1e3, max_iter=500).fit(np.column_stack([history[pair], slopes]), bought)
    weights, by_quartile = np.split(model.coef_[0], [history.shape[1]])
    score = history @ weights + float(model.intercept_[0])
    fitted = 1.0 / (1.0 + np.exp(-score[pair] - by_quartile[quartile[pair]] * steps))
    residual, variance = bought - fitted, fitted * (1.0 - fitted)
    typical = max(float(by_quartile[quartile].mean()), 0.1)
    households = slope_effects(codes["user"][pair], residual, variance, steps)
    products = slope_effects(codes["item"][pair], residual, variance, steps).effect[codes["item"]]
    product = np.clip(1.0 + products / typical, *PRODUCT_RANGE)
    return MarketFacts(
        **codes,
        price=pairs["price"].to_numpy(dtype=np.float64),
        visit_rate=pairs["visit_rate"].to_numpy(dtype=np.float64),
        features=np.column_stack([score, *_observed(pairs), np.log(product)]),
        elasticity=_elasticity(pairs, product),
        quartile_elasticity=by_quartile,
        household_sigma=households.spread / typical,
        base_sigma=_base_sigma(pair, residual, variance, steps),
        rows=len(panel),
    )


def _elasticity(pairs: pd.DataFrame, product: FloatArray) -> FloatArray:
    """Compute it from the user's affinity, times the item's effect with its median at 1. Shape ``[P]``."""
    by_user = elasticity_from_affinity(pairs.groupby(Columns.USER)["affinity"].first())
    effect = CONTROLLED * np.log(product)
    return pairs[Columns.USER].map(by_user).to_numpy(dtype=np.float64) * np.exp(effect - np.median(effect))


def _history(pairs: pd.DataFrame) -> FloatArray:
    """Gather what the history model sees. Shape ``[P, 6]``."""
    rate = ((pairs["weeks"] + 0.5) / (pairs["visits"] + 1.0)).clip(upper=0.98)
    columns = [np.log(rate / (1.0 - rate)), np.log(pairs["weeks"]), np.log(pairs["visits"]), pairs["since"]]
    columns += [np.log(pairs["price"]), np.log(pairs["popularity"])]
    return np.column_stack(columns).astype(np.float64)


def _observed(pairs: pd.DataFrame) -> list[Any]:
    """List `FEATURES` but for the first and the last."""
    logs = [np.log(pairs["price"]), np.log(pairs["weeks"]), pairs["since"], np.log(pairs["popularity"])]
    return [*logs, pairs["visit_rate"], pairs["affinity"], pairs["affinity_rank"]]


def _base_sigma(pair: IntArray, residual: FloatArray, variance: FloatArray, steps: FloatArray) -> float:
    """Estimate the spread of the pairs' base logits beyond the model, by the method of moments.

    Taken are a pair's purchases less those expected, in weeks at full price. To first order, their variance
    is ``Σ p(1-p)`` of the draws plus ``σ² (Σ p(1-p))²`` of its own deviation.
    """
    full = steps < 0.01
    surplus = np.bincount(pair[full], weights=residual[full])
    noise = np.bincount(pair[full], weights=variance[full])
    squares = float((noise**2).sum())
    return float(np.sqrt(max(float((surplus**2 - noise).sum()) / squares, 0.0))) if squares > 0 else 0.0
