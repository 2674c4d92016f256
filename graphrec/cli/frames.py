"""Lists of users: what several commands read alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.arrays import IntArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.joins import as_known
from graphrec.data.tables.read import Table, TextFormat, load_table
from graphrec.errors import InputError


def read_users(file: str | Path | None, columns: Mapping[str, str | None], text: TextFormat) -> Table | None:
    """Read a list of users, if there is one.

    Raises:
        InputError: If the file cannot be used.
    """
    return None if file is None else load_table(file, columns, kind="user_list", text=text)


def user_codes(given: Table | None, users: IdMap) -> IntArray:
    """Find the codes of the users in a list, each once, or of all.

    Raises:
        InputError: If a user is not known to the model.
    """
    if given is None:
        return np.arange(len(users))
    ids = given.frame[Columns.USER].drop_duplicates()
    known = IdMap(pd.Series(users.ids).astype("str").to_numpy())
    codes = known.codes(as_known(ids, users.ids))
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        place = int(ids.index[unknown[0]])
        file, row = given.rows.place(place)
        more = f" (nor were {len(unknown) - 1:,} of the other {len(ids) - 1:,})" if len(unknown) > 1 else ""
        shown = ", ".join(repr(str(name)) for name in known.ids[:3])
        raise InputError(
            f"{ids[place]!r} was not in training{more}",
            file=file,
            row=row,
            column=Columns.USER,
            hint=f"remove them or fit on a log that has them; users of the log are {shown} and so on",
        )
    return codes
