"""graphrec: from a log of purchases to ranked items and the discount each shopper should be offered."""

__version__ = "0.1.0"
