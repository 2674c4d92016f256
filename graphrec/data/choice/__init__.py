"""What a request chooses: items that may be recommended, and what is added to their scores."""
