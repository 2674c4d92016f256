"""Ratings foretold: models of features and of neighbours, judged on held-out ratings."""

from graphrec.training.rating.models import FeatureRegressor, RatingCF
from graphrec.training.rating.task import RatingTask

__all__ = ["FeatureRegressor", "RatingCF", "RatingTask"]
