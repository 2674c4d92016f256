"""Encoders: from the graph to a vector for each node. A YAML names them by `graphrec.models`."""
