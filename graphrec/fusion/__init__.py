"""Several fitted recommenders as one: a weighted sum, its weights and its gate."""
