"""The comparison as one HTML page: templates, style, scripts, and what fills them."""
