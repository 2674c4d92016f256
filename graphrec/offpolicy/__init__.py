"""What a policy is worth, from a log or a simulation: estimators, support, gate, bandits."""
