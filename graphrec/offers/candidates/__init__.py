"""Which pairs of user and item a decision is about, with probabilities and prices."""
