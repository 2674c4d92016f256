"""The routes, and what stands before them: keys, limits, deadlines, logs, one shape of errors."""
