"""Events that other programs write to a stream, and how they get into a store."""
