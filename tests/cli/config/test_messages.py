"""What the lines of mistakes say: counts that are right, numbers as people write them."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from cases.shop import log

from graphrec.cli.config.errors import shortened
from graphrec.data.tables.read import check_table, read_table
from graphrec.errors import InputError


@pytest.mark.parametrize("value", [np.float64(5.5), [np.float64(5.5), 2], (np.float64(5.5),)])
def test_numbers_of_numpy_are_written_as_numbers(value):
    said = str(InputError(f"{value!r} is wrong"))
    assert "5.5" in said
    assert "np." not in said


@pytest.mark.parametrize("wrong", [1, 2, 99, 100, 101, 102, 350])
@pytest.mark.parametrize("damage", ["price", "ragged"])
def test_the_count_of_further_problems_is_that_of_the_rows(wrong, damage, tmp_path):
    frame = log().astype({"price": "str"})
    frame.loc[frame.index[:wrong], "price"] = "cheap" if damage == "price" else "1,2"
    file = tmp_path / "log.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in [list(frame), *frame.to_numpy()]) + "\n")

    with pytest.raises(InputError) as caught:
        read_table(file)

    more = wrong - 1
    words = f"(and {more} more problem{'s' if more > 1 else ''}: see" if more else None
    assert (words in str(caught.value)) if words else ("more problem" not in str(caught.value))
    assert sum(problem.places for problem in check_table(file)) == wrong


def test_types_are_named_as_people_write_them():
    said = shortened("expected <class 'datetime.timedelta'>, got <class 'str'>")
    assert said.startswith("command line: expected timedelta, got str;")


def test_an_archive_with_a_password_is_one_line(tmp_path):
    file = tmp_path / "log.csv.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("log.csv", "user_id,item_id\nu,i\n")
    content = bytearray(file.read_bytes())
    strongly_encrypted = 0x41
    content[6] |= strongly_encrypted
    content[content.find(b"PK\x01\x02") + 8] |= strongly_encrypted
    file.write_bytes(content)
    with pytest.raises(InputError, match="this archive cannot be opened; unpack it"):
        read_table(file)
