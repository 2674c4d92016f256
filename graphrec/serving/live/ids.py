"""Ids as text, which is how they come in, against the codes of a model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.choice.known import as_text
from graphrec.data.interactions import IdMap
from graphrec.data.joins import as_known, known_codes


class TextIds:
    """Text → code, in one look-up.

    Args:
        ids: Of a model, text or numbers.
    """

    def __init__(self, ids: IdMap) -> None:
        self.known = ids.ids
        self.texts: list[str] = [str(one) for one in as_text(ids).ids]
        self.code: Mapping[str, int] = {text: code for code, text in enumerate(self.texts)}

    def find(self, text: str) -> int:
        """Find a code; −1 for an id that is not known. 7 stands for 7.0, where the log has that form."""
        found = self.code.get(text)
        return self._other_form(text) if found is None else found

    def _other_form(self, text: str) -> int:
        return self._short.get(text, -1) if self._short else -1

    @cached_property
    def _short(self) -> Mapping[str, int]:
        """Other forms of the ids that end in '.0', where the log has such."""
        whole = [text for text in self.texts if text.endswith(".0")]
        if not whole:
            return {}
        short = pd.Series([text[:-2] for text in whole], dtype="str")
        codes: IntArray = known_codes(as_known(short, self.known), self.known)
        return {text: int(code) for text, code in zip(short, codes, strict=True) if code >= 0}
