"""Policies: from what is known of a pair to a rate."""
