"""Lines that are no mistake and that a user must still see: what was left out, what looks wrong.

They go to standard error, once for all processes of a launch, and look like the line of an `InputError`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from graphrec.errors import in_one_line


def note(text: str) -> None:
    """Print a line that says what was done, for example how many rows were read."""
    _print(f"graphrec: {' '.join(text.split())}")


def warn(
    message: str,
    *,
    file: str | Path | None = None,
    row: int | None = None,
    column: str | None = None,
    hint: str | None = None,
) -> None:
    """Print a line about what is probably not meant; the arguments are those of `InputError`."""
    _print(f"graphrec: warning: {in_one_line(message, file=file, row=row, column=column, hint=hint)}")


def _print(line: str) -> None:
    if int(os.environ.get("LOCAL_RANK", "0")) == 0 and int(os.environ.get("RANK", "0")) == 0:
        print(line, file=sys.stderr, flush=True)
