"""Bars over fits: a line of text on standard error, in a terminal and in a notebook.

tqdm, which Lightning brings along: rich draws in a notebook only where ipywidgets is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import get_console
from rich.console import Console
from tqdm import tqdm


def in_notebook() -> bool:
    """Tell whether a Jupyter kernel runs this."""
    return Console().is_jupyter


@contextmanager
def bar(total: int, title: str) -> Iterator[Callable[[], None]]:
    """Show a bar while several things are done; a log file and a single thing get none.

    Args:
        total: Number of things.
        title: What is done.

    Yields:
        What to call after each of them.
    """
    shown = total > 1 and (sys.stderr.isatty() or in_notebook())
    # standard error as it is now: within a fit it goes elsewhere
    with tqdm(total=total, desc=title, file=sys.stderr, leave=False, disable=not shown) as line:

        def advance() -> None:
            line.update()

        yield advance


@contextmanager
def no_widgets() -> Iterator[None]:
    """Draw no bars of rich in a notebook, where each would leave a warning about ipywidgets in the cell."""
    console = get_console()
    before, console.is_jupyter = console.is_jupyter, False
    try:
        yield
    finally:
        console.is_jupyter = before
