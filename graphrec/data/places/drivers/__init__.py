"""How each kind of database is opened, for reading alone."""
