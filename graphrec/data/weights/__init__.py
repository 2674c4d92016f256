"""Weights of the edges of the training graph: what a row weighs, and what the rows of an edge become."""

from graphrec.data.weights.edges import EdgeWeights
from graphrec.data.weights.rows import Event, Quantity, Rating, Recency, RowWeight

__all__ = ["EdgeWeights", "Event", "Quantity", "Rating", "Recency", "RowWeight"]
