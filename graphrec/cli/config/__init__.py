"""Configurations: read with the place of every value, checked, and mistakes told in one line."""
