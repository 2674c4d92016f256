"""The command line: ``graphrec COMMAND``."""

from graphrec.cli.main import console, main

__all__ = ["console", "main"]
