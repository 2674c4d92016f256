"""``graphrec benchmark``: which cells there are, processes that fit them, settings chosen on validation."""
