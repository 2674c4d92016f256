from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import InputError
from graphrec.results import TABLES, check_no_input, told_of, write_table


def table() -> pd.DataFrame:
    """Ids that programs like to change, and a number that needs all its digits."""
    ids = ["001", "Müller & Söhne", "NA", "a; b"]
    scores = np.array([0.1, 1 / 3, -2.5e-7, 12345.678], dtype="float32")
    frame = pd.DataFrame({"user_id": ids, "rank": [1, 2, 3, 4], "score": scores, "price": [1.5, None, 2, 3]})
    frame.attrs = {"split_sha256": "0"}
    return frame


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_holds_ids_as_text_and_every_digit(tmp_path, suffix):
    written = table()
    file = write_table(written, tmp_path / f"items{suffix}")
    text = file.read_text(encoding="utf-8")
    rows = json.loads(text) if suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    assert [row["user_id"] for row in rows] == written["user_id"].tolist()
    assert [np.float32(row["score"]) for row in rows] == written["score"].tolist()
    assert [row["price"] for row in rows] == [1.5, None, 2, 3]
    assert "Müller & Söhne" in text
    assert told_of(file) == {"split_sha256": "0"}


def test_another_suffix_is_refused_with_the_list(tmp_path):
    with pytest.raises(InputError) as refused:
        write_table(table(), tmp_path / "items.xlsx")
    assert all(suffix in str(refused.value) for suffix in TABLES)
    assert not list(tmp_path.iterdir())


def test_a_result_never_overwrites_a_file_of_a_pattern_that_is_read(tmp_path):
    for year in (2023, 2024):
        (tmp_path / f"{year}.csv").write_text("user_id,item_id\n1,2\n")
    with pytest.raises(InputError, match="this file is read here"):
        check_no_input(tmp_path / "2024.csv", [tmp_path / "*.csv"])
    check_no_input(tmp_path / "2025.csv", [tmp_path / "*.csv"])
