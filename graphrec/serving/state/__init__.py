"""What changes while a service runs: events, offers made, money spent; in one of several stores."""
