"""What ``graphrec reproduce`` does: rows, steps and what is printed of them."""
