"""A share of the users: all rows of some, none of the others, counted, and no more than was asked for."""

from __future__ import annotations

import pytest

from graphrec.data.sources import share_of_users, synthetic
from graphrec.errors import InputError


def test_users_are_whole_or_not_there():
    whole = synthetic(num_users=50, num_items=20)
    part = share_of_users(synthetic(num_users=50, num_items=20), 0.2, seed=3)
    kept = set(part.log["user_id"])
    assert len(kept) == round(0.2 * whole.log["user_id"].nunique())
    rows = whole.log[whole.log["user_id"].isin(kept)].reset_index(drop=True)
    assert part.log.equals(rows)
    assert part.steps[-1].removed == len(whole.log) - len(rows)
    assert part.steps[-1].asked
    again = share_of_users(synthetic(num_users=50, num_items=20), 0.2, seed=3)
    assert again.log.equals(part.log)
    other = share_of_users(synthetic(num_users=50, num_items=20), 0.2, seed=4)
    assert set(other.log["user_id"]) != kept


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, 0.001])
def test_what_is_no_share_is_one_line(share):
    with pytest.raises(InputError, match="share"):
        share_of_users(synthetic(num_users=50, num_items=20), share)
