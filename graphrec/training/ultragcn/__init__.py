"""UltraGCN: the task, and the weights that stand for endless propagation in its loss."""
