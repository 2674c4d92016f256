"""Errors of other libraries and of the machine, turned into the user's mistakes."""
