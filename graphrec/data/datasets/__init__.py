"""The data sets that have a reader of their own; a YAML names them by `graphrec.data.sources`."""
