"""Randomised experiments with offers: how many people, who gets what, what it brought."""
