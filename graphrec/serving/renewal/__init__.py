"""Whether a model of a log that has grown takes the place of the one that serves."""
