"""The loop on real logs: what came of the offers, what is learnt from it, which policy serves next."""
