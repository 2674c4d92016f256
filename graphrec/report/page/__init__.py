"""What fills the templates of the pages: of a comparison, and of one run."""
