"""From purchase probabilities to offers: response curves, policies, guardrails, budget, the offers table."""
