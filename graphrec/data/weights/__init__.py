"""Weights of the edges of the training graph: of rows, then of edges."""
