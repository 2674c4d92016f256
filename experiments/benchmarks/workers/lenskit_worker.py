"""Fit with LensKit's implicit ALS, and rank its factors with the dense products of NumPy.

LensKit's own pipeline recommends user by user and takes far longer; only its training is compared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from clock import matrix, settings, timed, top
from lenskit.als import ImplicitMFScorer
from lenskit.data import from_interactions_df

folder, job = settings()
bought = matrix(folder)
user, item = bought.nonzero()
dataset = from_interactions_df(pd.DataFrame({"user_id": user, "item_id": item}))


def fit():
    """A fitted model."""
    model = ImplicitMFScorer(**job)
    model.train(dataset)
    return model


def rank(model):
    """Lists by the products of its factors."""
    items = np.asarray(model.item_embeddings)
    users = np.asarray(model.user_embeddings)
    codes, rows = model.items.ids(), model.users.ids()
    lists = np.full((bought.shape[0], 20), -1)
    for start in range(0, len(rows), 512):
        some = rows[start : start + 512]
        lists[some] = codes[top(users[start : start + 512] @ items.T, bought[some][:, codes])]
    return lists


timed(folder, fit, rank)
