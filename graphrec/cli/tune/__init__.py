"""``graphrec tune`` and ``graphrec sweep``: bases and spaces read, fits in workers, what comes at the end."""
