"""The shipped scenarios, and what reads them and those of a shop."""
