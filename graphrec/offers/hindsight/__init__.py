"""What the same choice of offers would have brought in weeks that nothing was learnt from."""
