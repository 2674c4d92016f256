"""What ``graphrec feedback`` does, step by step."""
