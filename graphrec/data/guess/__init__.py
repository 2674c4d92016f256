"""What a table of a shop is likely to be, found in its bytes, names and values, each with its reason."""
