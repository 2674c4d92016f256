"""Charts as inline SVG, a module for each kind."""
