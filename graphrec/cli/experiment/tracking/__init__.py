"""Where measures are logged: files of the run, Weights & Biases."""
