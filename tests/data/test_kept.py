"""A log is read once where a command asks for that, and each time elsewhere."""

import pandas as pd
import pytest

from graphrec.data import sources
from graphrec.data.kept import each_read_once


@pytest.fixture
def files(tmp_path):
    for name in "ab":
        log = pd.DataFrame({"user_id": [name, "u"], "item_id": ["i", "j"], "week": [1, len(name)]})
        log.to_csv(tmp_path / f"{name}.csv", index=False)
    return [str(tmp_path / f"{name}.csv") for name in "ab"]


def test_the_same_arguments_give_the_same_log_until_the_block_ends(files):
    with each_read_once():
        first = sources.table(files[0])
        assert sources.table(files[0]) is first
        assert sources.table(files) is not first
        assert len(sources.table(files).log) == 3  # of four rows two are the same
        assert sources.table(files[0], min_rating=None) is not first
    again = sources.table(files[0])
    assert again is not first
    pd.testing.assert_frame_equal(again.log, first.log)


def test_outside_of_a_block_a_file_is_read_anew(files):
    before = len(sources.table(files[0]).log)
    pd.DataFrame({"user_id": ["x"] * 3, "item_id": list("klm")}).to_csv(files[0], index=False)
    assert (before, len(sources.table(files[0]).log)) == (2, 3)
