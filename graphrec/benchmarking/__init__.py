"""What a benchmark came to: finished cells, average ranks over the data sets, tables and the page."""
