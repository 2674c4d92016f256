"""How the service runs: one process or several on one port, their signals, their end."""
