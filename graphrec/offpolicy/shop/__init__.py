"""A shop in the simulated market: what it learns from its log, its policies, and how they are judged."""
