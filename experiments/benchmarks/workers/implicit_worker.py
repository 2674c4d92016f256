"""Fit and rank with implicit: item-kNN, or ALS (its default solver, conjugate gradients)."""

from __future__ import annotations

import numpy as np
from clock import K, matrix, settings, timed
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender

folder, job = settings()
bought = matrix(folder)
kind = {"knn": CosineRecommender, "als": AlternatingLeastSquares}[job.pop("kind")]


def fit():
    """A fitted model."""
    model = kind(**job)
    model.fit(bought, show_progress=False)
    return model


timed(folder, fit, lambda model: model.recommend(np.arange(bought.shape[0]), bought, N=K)[0])
