"""``python -m graphrec``: the same as the console script."""

from graphrec.cli import console

if __name__ == "__main__":
    console()
