"""The trainer, its optimiser and its callbacks: options completed, or refused where they do nothing."""
