"""What a treatment adds for each person: learners, and how well they sort people."""
