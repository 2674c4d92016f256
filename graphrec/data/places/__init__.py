"""What may stand where the path of a table is asked for: frames, lists of files, tables of a database."""
