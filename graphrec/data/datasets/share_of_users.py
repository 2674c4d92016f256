"""A share of the users of another source, for a search that is to be quick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.interactions import Columns, RawData
from graphrec.errors import InputError, check_above, check_between, check_seed


def share_of_users(source: RawData, share: float, seed: int = 0) -> RawData:
    """Keep all rows of a share of the users of a source, and of no others.

    Use it to try settings on less data; what is chosen is then fitted to the whole.
    `graphrec tune --subsample` does both.

    Args:
        source: Where the log comes from.
        share: Of the users, above 0 and at most 1.
        seed: Of the draw.

    Raises:
        InputError: If no user is left.
    """
    check_above(0, share=share)
    check_between(0, 1, share=share)
    check_seed(seed=seed)
    users = source.log[Columns.USER].unique()
    count = round(len(users) * share)
    if not count:
        hint = f"give {1 / len(users):.2g} or more"
        raise InputError(f"{share:g} of {len(users):,} users is nobody", column="share", hint=hint)
    drawn = np.random.default_rng(seed).permutation(len(users))[:count]
    log = source.log[source.log[Columns.USER].isin(set(users[np.sort(drawn)]))].reset_index(drop=True)
    log.attrs = source.log.attrs
    what = f"of users outside of a share of {share:g}, {count:,} of {len(users):,}"
    step = CleaningStep(what, len(source.log), len(source.log) - len(log), asked=True)
    return replace(source, log=log, steps=(*source.steps, step))
