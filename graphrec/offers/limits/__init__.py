"""What an offer may be at most: guardrails, parity, exposure, stock and terms."""
