"""The probability of a purchase as a function of its discount: data, network, task and curves."""
