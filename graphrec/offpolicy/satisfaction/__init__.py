"""Satisfaction as an experiment: who returns, or what a survey says, and what a saving has to do with it."""
