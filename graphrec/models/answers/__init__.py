"""Answers of a fitted model: chosen items, users it never saw, items that are alike."""
