"""What differs from person to person: offers, why they were given, and who the people are."""
