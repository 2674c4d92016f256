"""The page on a log, before anything is trained on it."""
