"""What ``graphrec init`` makes of a table: a source that reads it, what suits it, and the YAML files."""
