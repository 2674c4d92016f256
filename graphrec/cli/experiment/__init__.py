"""fit, validate, test and predict, and what reads their results back."""
