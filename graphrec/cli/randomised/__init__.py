"""What ``graphrec experiment plan|analyse`` reads, prints and writes."""
