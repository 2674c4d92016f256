"""Groups of users: what is known of each, and whether groups are served alike."""
