"""How good a ranking is, how sure we are of it, and what a score is worth as a probability."""
