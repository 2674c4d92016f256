"""From a raw file to the train, validation and test interactions."""
