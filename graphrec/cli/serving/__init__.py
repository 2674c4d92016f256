"""What `graphrec serve` was told, checked before anything is loaded."""
