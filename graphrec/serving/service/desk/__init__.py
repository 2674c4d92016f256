"""The offers desk: one page for people who run the offers of a shop."""
