"""Baskets of one item each, for whatever a model says of people that it was not fitted to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.graph import BipartiteGraph


def one_item_baskets(graph: BipartiteGraph) -> BipartiteGraph:
    """Make a graph in which user ``i`` has item ``i`` and nothing else, on the device of another graph."""
    codes = np.arange(graph.num_items)
    ids = IdMap(codes)
    columns = {Columns.USER_CODE: codes, Columns.ITEM_CODE: codes, Columns.WEEK: 1}
    return BipartiteGraph(Interactions(pd.DataFrame(columns), ids, ids)).to(graph.edge_item.device)
