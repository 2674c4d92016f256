"""What `graphrec update` does: a run on a log that has grown."""
