"""Fit and rank with RecTools' EASE."""

from __future__ import annotations

import numpy as np
import pandas as pd
from clock import K, matrix, settings, timed
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel

folder, job = settings()
bought = matrix(folder)
user, item = bought.nonzero()
log = pd.DataFrame(
    {Columns.User: user, Columns.Item: item, Columns.Weight: 1.0, Columns.Datetime: "2020-01-01"}
)
dataset = Dataset.construct(log)
users = np.unique(user)


def rank(model):
    """Lists of all users who bought something; −1 in the others'."""
    found = model.recommend(users, dataset, k=K, filter_viewed=True)
    lists = np.full((bought.shape[0], K), -1)
    lists[found[Columns.User], found[Columns.Rank] - 1] = found[Columns.Item]
    return lists


timed(folder, lambda: EASEModel(**job).fit(dataset), rank)
