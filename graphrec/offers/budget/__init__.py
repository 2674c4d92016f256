"""The choice of offers within budgets: a knapsack and what goes with it."""
