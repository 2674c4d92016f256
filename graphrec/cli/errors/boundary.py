"""The boundary at which errors become the user's mistakes; what judges them is imported when needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from graphrec.errors import InputError


@contextmanager
def mistakes_told(args: list[str]) -> Iterator[None]:
    """Let errors out as the user's mistakes where they are; all others as they are.

    Args:
        args: The command line that is run.

    Raises:
        InputError: What the user can fix, its cause being the error of another library, if it was one.
    """
    try:
        yield
    except (InputError, BrokenPipeError):
        raise
    except Exception as error:
        from graphrec.cli.errors.foreign import as_mistake, hidden_mistake

        if (hidden := hidden_mistake(error)) is not None:
            raise hidden from None
        if (mistake := as_mistake(error, args)) is not None:
            raise mistake from error
        raise
