"""Checkpoints: the configuration they carry, how they are kept and checked."""
