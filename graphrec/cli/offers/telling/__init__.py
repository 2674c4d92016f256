"""What is said of offers: totals of each policy, and a sentence of each offer."""
