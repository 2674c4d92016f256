"""Small inputs that once went wrong, each with what a user expects of them."""
