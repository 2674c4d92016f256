"""What a live service decides offers with: facts that an export holds, and what they say of a shopper."""
