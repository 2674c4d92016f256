"""Linear filters of the graph beside the spectral ones: three steps over powers of degrees, and SGFCF."""
