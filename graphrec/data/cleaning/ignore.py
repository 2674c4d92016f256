"""Columns of a file that mean nothing to the tool: named, and left out on purpose."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.cleaning.declared import CleaningRule, file_of
from graphrec.errors import InputError

UNREAD = "unread"
"""Key of ``log.attrs``: columns of the file that were not read."""


@dataclass(frozen=True)
class Ignore(CleaningRule):
    """Leave columns out that nothing reads, and say which; a column that is not listed is refused.

    Args:
        columns: By the names of the file; all columns that nothing reads if missing.
    """

    columns: tuple[str, ...] | None = None

    def apply(self, log: pd.DataFrame) -> tuple[pd.DataFrame, tuple[CleaningStep, ...]]:
        """See base class.

        Raises:
            InputError: If a column is read, is not there, or is not read and not listed.
        """
        unread = tuple(log.attrs.get(UNREAD, ()))
        listed = unread if self.columns is None else self.columns
        for name in listed:
            if name not in unread:
                what = "Ignore lists this column, which is read or is not there"
                hint = f"take it out of the list; nothing reads {', '.join(unread) or 'no other column'}"
                raise InputError(what, file=file_of(log), column=name, hint=hint)
        for name in unread:
            if name not in listed:
                hint = "map it with columns, or list it in Ignore"
                raise InputError("nothing reads this column", file=file_of(log), column=name, hint=hint)
        words = f"columns left out: {', '.join(listed) or 'none'}"
        return log, (CleaningStep(words, len(log)),)

    def unread(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """See base class."""
        return ()
