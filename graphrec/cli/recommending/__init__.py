"""What `graphrec recommend` and `graphrec similar` share: options on items, and how they are read."""
