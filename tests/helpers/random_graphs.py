"""Small random graphs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.data.interactions import IdMap, Interactions
from graphrec.graph import BipartiteGraph


def random_graph(weeks=None, users=15, items=12, rows=90, seed=0) -> BipartiteGraph:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"user": rng.integers(users, size=rows), "item": rng.integers(items, size=rows)})
    if weeks:
        frame["week"] = rng.integers(1, weeks + 1, size=rows)
    return BipartiteGraph(Interactions(frame, IdMap(np.arange(users)), IdMap(np.arange(items))))
