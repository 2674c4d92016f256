"""Numbers without a meaning of their own: sparse products, polynomials, shards, top-k search."""
