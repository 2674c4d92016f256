"""``python -m graphrec``: the same as the console script."""

import sys
from pathlib import Path

# Python puts the current folder first: a file there that is called as a module of Python's would run instead
if sys.path and Path(sys.path[0] or ".").resolve() == Path.cwd():
    del sys.path[0]

from graphrec.cli import console

if __name__ == "__main__":
    console()
