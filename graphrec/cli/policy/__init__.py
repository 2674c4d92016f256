"""What ``graphrec policy evaluate`` reads, prints and writes."""
