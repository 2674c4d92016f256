"""What people bought that a model was not fitted to, read and cleaned as the log of the model was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from graphrec.data.choice.known import as_text, item_codes
from graphrec.data.cleaning.declared import CleaningRule
from graphrec.data.interactions import Columns, IdMap, Interactions
from graphrec.data.joins import as_known
from graphrec.data.ledger import report_reading
from graphrec.data.places.given import place_of
from graphrec.data.purchases import PurchaseRules
from graphrec.data.sources import table
from graphrec.data.tables.kinds import LOG_COLUMNS
from graphrec.data.tables.read import TextFormat
from graphrec.data.tables.sheets import open_sheets
from graphrec.notices import note


@dataclass(frozen=True)
class History:
    """What people bought that a model was not fitted to.

    Args:
        file: The log, for messages.
        log: Its rows, cleaned as the source ``table`` cleans.
    """

    file: str | Path
    log: pd.DataFrame

    def cleaned_by(self, rules: Sequence[object], kept: object = None) -> History:
        """Take it as it is: it was cleaned when it was read."""
        return self

    def joined(self, users: IdMap, items: IdMap) -> History:
        """Write its ids as the model does, and leave out items that are not in the catalogue; say how many.

        Raises:
            InputError: If no item is in the catalogue.
        """
        codes = item_codes(self.log[Columns.ITEM], items, self.file, Columns.ITEM)
        ids: dict[str, Any] = {
            Columns.USER: as_known(self.log[Columns.USER], users.ids),
            Columns.ITEM: as_text(items).ids[codes],
            Columns.ITEM_CODE: codes,
        }
        return History(self.file, self.log.assign(**ids)[codes >= 0].reset_index(drop=True))

    def of(self, people: pd.Series[str], items: IdMap) -> Interactions:
        """Bring the rows of some people into codes; the items must be joined."""
        users = IdMap.from_values(people)
        codes = users.codes(self.log[Columns.USER])
        frame = self.log.assign(**{Columns.USER_CODE: codes})[codes >= 0]
        return Interactions(frame.reset_index(drop=True), users, as_text(items))


class Histories(Protocol):
    """What becomes a history once the rules of the model are known."""

    def cleaned_by(self, rules: Sequence[object], kept: object = None) -> History:
        """Read it, cleaned by these rules."""


@dataclass(frozen=True)
class HistoryFile:
    """A log that is read once it is known how the log of the model was cleaned.

    Args:
        file: The log.
        columns: Our name → the file's name.
        text: How to read a text file.
        time_format: As the source ``table`` takes it.
    """

    file: str | Path
    columns: Mapping[str, str | None]
    text: TextFormat
    time_format: str | None = None

    def cleaned_by(self, rules: Sequence[object], kept: object = None) -> History:
        """Read and clean it, and say what became of its rows.

        Args:
            rules: Of the model's log. Those that need a column which is not here are left out, with a word.
            kept: Which rows of it are purchases, if a `PurchaseRules` says so.

        Raises:
            InputError: If it cannot be used.
        """
        known = {ours: theirs for ours, theirs in self.columns.items() if ours in LOG_COLUMNS}
        # a frame stands in the place of a file as text
        file = self.file if isinstance(self.file, str) else str(self.file)
        raw = table(
            file,
            columns=known,
            delimiter=self.text.delimiter,
            encoding=self.text.encoding,
            decimal=self.text.decimal,
            time_format=self.time_format,
            cleaning=self._that_can_run(rules, known) or None,
            **self._as_kept(kept),
        )
        report_reading(raw)
        return History(self.file, raw.log)

    def _as_kept(self, kept: object) -> dict[str, Any]:
        """Take what is a purchase from the log of the model."""
        if not isinstance(kept, PurchaseRules):
            return {}
        lowest = kept.min_rating
        if lowest and not self._there(self.columns) & {Columns.RATING}:
            note(f"{self.file} has no ratings: min_rating {lowest:g} of the model's log does not hold in it")
            lowest = 0.0
        return {
            "min_rating": lowest,
            "outlier_factor": kept.outlier_factor,
            "equal_rows": kept.equal_rows,
        }

    def _that_can_run(self, rules: Sequence[object], known: Mapping[str, str | None]) -> list[CleaningRule]:
        """Keep the rules whose columns are here."""
        found = [rule for rule in rules if isinstance(rule, CleaningRule)]
        if not found:
            return []
        there = self._there(known)
        for rule in found:
            if lacking := [column for column in rule.reads if column not in there]:
                step = f"the step {type(rule).__name__} of the model's cleaning is left out"
                note(f"{self.file} has no column {', '.join(lacking)}: {step}")
        return [rule for rule in found if there.issuperset(rule.reads)]

    def _there(self, known: Mapping[str, str | None]) -> set[str]:
        """List the columns of the file, in its names and in ours."""
        there = {name for sheet in open_sheets(place_of(self.file), self.text) for name in sheet.header}
        there -= {ours for ours, theirs in known.items() if theirs is None}
        return there | {ours for ours, theirs in known.items() if theirs in there}
