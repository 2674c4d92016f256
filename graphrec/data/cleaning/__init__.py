"""Cleaning of a log: what is declared, what is always done, and the account of it."""
