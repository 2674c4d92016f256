"""A fitted model away from its log: packed into one file that moves, and asked for lists and reasons."""
