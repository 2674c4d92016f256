"""Who gets which arm: a hash of a stored salt and the person decides, so that it can be told again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from graphrec.arrays import FloatArray
from graphrec.errors import InputError


def new_salt() -> str:
    """Draw a salt."""
    return secrets.token_hex(16)


def place(salt: str, people: Sequence[str]) -> FloatArray:
    """Give each person a number within [0, 1) that a salt and the id alone decide. Shape ``[n]``."""
    key = salt.encode()
    digests = (hashlib.blake2b(str(one).encode(), key=key[:64], digest_size=8) for one in people)
    return np.array([int.from_bytes(digest.digest(), "big") / 2**64 for digest in digests])


def assign(
    people: pd.Series, shares: Mapping[str, float], salt: str, strata: pd.Series | None = None
) -> pd.Series:
    """Assign an arm to each person.

    Without strata a person's arm depends on salt and id alone: who comes later is assigned the same way.
    With strata people are sorted by the hash within each, and arms are dealt in turn. So each stratum has the
    shares to within one person.

    Args:
        people: Ids, each once. Shape ``[n]``.
        shares: Share of people by arm; they sum to 1.
        salt: To be stored with the experiment.
        strata: What is to be balanced. Shape ``[n]``.

    Returns:
        Names of arms, in the order of the people.

    Raises:
        InputError: If shares do not sum to 1, or an id stands there twice.
    """
    if abs(sum(shares.values()) - 1) > 1e-9 or min(shares.values()) <= 0:
        raise InputError("shares must be above 0 and sum to 1", column="shares", hint="control=0.5 offer=0.5")
    if people.duplicated().any():
        twice = people[people.duplicated()].iloc[0]
        raise InputError(f"{twice!r} stands there twice", column="user_id", hint="keep one row for each")
    arms, ends = np.array(list(shares)), np.cumsum(list(shares.values()))
    drawn = place(salt, people.astype(str).tolist())
    if strata is not None:
        drawn = _dealt(drawn, strata.astype("str").fillna("").to_numpy())
    code = np.minimum(np.searchsorted(ends, drawn, side="right"), len(arms) - 1)
    return pd.Series(arms[code], index=people.index, name="arm")


def _dealt(drawn: FloatArray, strata: np.ndarray) -> FloatArray:
    """Spread the people of each stratum evenly over [0, 1), in the order of their hashes.

    Where a stratum begins is its own hash, so that what is left over does not always fall to the first arm.
    """
    result = np.empty(len(drawn))
    for name in np.unique(strata):
        mine = np.flatnonzero(strata == name)
        start = place("stratum", [str(name)])[0]
        rank = np.empty(len(mine))
        rank[np.argsort(drawn[mine])] = np.arange(len(mine))
        result[mine] = (rank + start) / len(mine) % 1.0
    return result
