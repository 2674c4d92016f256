"""The five public logs on which the defaults of all models were chosen: their shape and who was best there.

Shapes are those of the training files; the values are NDCG@20 on validation, from docs/lab-notes/defaults.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MeasuredLog:
    """A log on which the defaults were chosen.

    Args:
        name: Of the data set.
        per_user: Distinct items of a user, mean.
        per_item: Distinct users of an item, mean.
        top_share: Share of the pairs that the top 1 % of the items hold.
        best: Name of a model for ``graphrec fit -m`` → its NDCG@20 on validation with defaults, best first.
        note: What else a reader has to know.
    """

    name: str
    per_user: float
    per_item: float
    top_share: float
    best: Mapping[str, float]
    note: str = ""


MEASURED = (
    MeasuredLog(
        "MovieLens-1M",
        132.2,
        261.7,
        0.074,
        {"lightgcn": 0.2061, "ease": 0.2017, "spectral": 0.1912, "rp3beta": 0.1841},
    ),
    MeasuredLog(
        "Gowalla",
        24.1,
        17.5,
        0.127,
        {"p3alpha": 0.1198, "spectral": 0.1190, "lightgcn": 0.1100, "item_cf": 0.1086},
        "lightgcn after 9 epochs",
    ),
    MeasuredLog(
        "Amazon-CDs",
        14.0,
        17.0,
        0.103,
        {"rp3beta": 0.0807, "p3alpha": 0.0783, "lightgcn": 0.0745, "item_cf": 0.0713},
        "lightgcn after 10 epochs",
    ),
    MeasuredLog(
        "Amazon-Sports",
        5.9,
        11.5,
        0.119,
        {"mf": 0.0509, "lightgcn": 0.0504, "ease": 0.0483, "spectral": 0.0480},
    ),
    MeasuredLog(
        "Allrecipes",
        8.0,
        9.6,
        0.108,
        {"lightgcn": 0.0239, "mf": 0.0232, "popularity": 0.0226, "ease": 0.0159},
        "little is personal here",
    ),
)


def nearest(per_user: float, per_item: float) -> MeasuredLog:
    """Find the measured log whose means per user and per item are nearest, as ratios."""
    return min(MEASURED, key=lambda one: distance(one, per_user, per_item))


def distance(one: MeasuredLog, per_user: float, per_item: float) -> float:
    """Compute how many doublings a log lies from a measured one, both means together."""
    ratios = np.log2([per_user / one.per_user, per_item / one.per_item])
    return float(np.hypot(*ratios))
