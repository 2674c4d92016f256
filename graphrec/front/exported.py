"""An exported model in Python: loaded once, asked many times."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.experiment.exports import load_export
from graphrec.errors import InputError
from graphrec.front.asking import asked
from graphrec.front.surroundings import at_work
from graphrec.serving.bundle import is_bundle


class Exported:
    """A model that ``graphrec export`` packed; `graphrec.load` makes it.

    Args:
        path: The zip file or folder.
        trust: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If it is damaged, or names code that it may not.
    """

    def __init__(self, path: str | Path, trust: bool = False) -> None:
        self.path, self._told = Path(path), set[str]()
        with at_work("recommend", [], self._told):
            self.task, self.data = load_export(self.path, trust)

    @property
    def about(self) -> Mapping[str, Any]:
        """Model, run, data, sizes and fingerprints, as the manifest has them."""
        return {key: value for key, value in self.data.about.items() if key != "files"}

    def recommend(
        self,
        users: Any = None,
        k: int = 20,
        items: Any = "new",
        *,
        history: Any = None,
        exclude: Any = None,
        where: str | None = None,
        item_table: Any = None,
        boost: Any = None,
        segment: str | None = None,
        user_table: Any = None,
        explain: bool = False,
        name_column: str | None = None,
    ) -> pd.DataFrame:
        """Rank the items of users; arguments and columns are those of `Run.recommend`.

        Raises:
            InputError: If an argument is out of its range.
        """
        with at_work("recommend", [], self._told):
            found = asked(
                users, history, k, items, exclude=exclude, where=where, item_table=item_table,
                boost=boost, segment=segment, user_table=user_table, explain=explain, name_column=name_column,
            )  # fmt: skip
            frame, _ = found.request.lists(self.task, self.data, k, found.item_set)
            frame.attrs = self.data.result_source(self.path)
        return frame

    def __repr__(self) -> str:
        """Show model and place."""
        return f"Exported({self.about['model']} of {self.about['run']!r}, {str(self.path)!r})"


def exported(given: Any, trust: bool, others: Mapping[str, Any]) -> Exported | None:
    """Load what is given to `graphrec.load` if it is an exported model; None if it is a log.

    Args:
        given: A path, or a frame.
        trust: Whether it may name code that is not graphrec's.
        others: The other arguments, which only a log takes.

    Raises:
        InputError: If an argument would change nothing.
    """
    if not isinstance(given, str | Path) or not is_bundle(given):
        if trust:
            hint = "leave it out: a log holds no code"
            raise InputError("only an exported model is trusted", column="trust", hint=hint)
        return None
    for name, value in others.items():
        if value is not None:
            what = "this is an exported model, which takes no such argument"
            raise InputError(what, column=name, hint="leave it out: the model has its data")
    return Exported(given, trust)
