"""What shows that an option holds: the result changes, or a line refuses it.

A row is a list of `Check`: two commands that differ in the option alone are run in the shop of
`option_shop.py`, and what they leave behind must differ; or the second must be refused with a line that holds
`refused`. Words in braces are put in:

- ``{best}`` and ``{other}``: checkpoints of two fits, ``{best_run}`` and ``{other_run}`` their folders;
- ``{out}``: a new path without a suffix, ``{dir}`` its folder;
- the files of the shop: ``{log}``, ``{users}``, ``{items}``, ``{later}``, ``{some_users}``, ``{stock}``,
  ``{exposure}``, ``{semicolons}``, ``{config}`` (LightGCN) and ``{closed}`` (a closed form).

`test_options.py` runs the table and fails where a parser has an option that the table lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from option_shop import Ran


def written(ran: Ran) -> Any:
    """The contents of all files that the command wrote at ``{out}`` or in ``{dir}``."""
    return ran.contents()


def returned(ran: Ran) -> Any:
    """What the command returned in Python."""
    return ran.returned


def names(ran: Ran) -> Any:
    """The names of those files."""
    return sorted(ran.contents())


def epochs(ran: Ran) -> Any:
    """How many lines each metrics.csv has."""
    return {name: len(text.splitlines()) for name, text in ran.contents().items() if "metrics.csv" in name}


def printed(ran: Ran) -> Any:
    """What the command printed, without paths, dates and seconds."""
    return ran.said()


@dataclass(frozen=True)
class Check:
    """How an option shows that it holds.

    Args:
        given: Words that give the option, as on the command line.
        words: Words that stand in both commands.
        instead: Words that stand in the first command only, where the option has to be given in some way.
        refused: The second command is refused with a line that holds this; the first is then not run.
        allows: The first command is refused with a line that holds this, and the second is not.
        result: What of the two runs must differ.
    """

    given: str
    words: str = ""
    instead: str = ""
    refused: str = ""
    allows: str = ""
    result: Callable[[Ran], Any] = written
