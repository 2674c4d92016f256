"""Features of users and items, built from attributes and from the training part of a log."""
