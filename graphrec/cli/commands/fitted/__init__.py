"""Commands that ask a fitted model: for lists, for items that are alike, for itself as one file."""
