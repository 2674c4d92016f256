"""Probabilities: what tells them, and whether they come true."""
