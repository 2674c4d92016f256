"""The data of the tests of training."""

from __future__ import annotations

from graphrec.data.module import RecommenderData
from graphrec.data.sources import synthetic
from graphrec.data.splits import Temporal


def data(**options) -> RecommenderData:
    source = synthetic(100, 60, num_blocks=4, density=0.12, seed=2)
    return RecommenderData(source, Temporal(train_end=12, val_end=15), **{"batch_size": 128, **options})
