"""What ``graphrec offers`` does, step by step."""
