"""What a log is like before anything is trained: its shape, times, prices, traps, and what suits it."""
