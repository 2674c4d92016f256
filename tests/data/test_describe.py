from __future__ import annotations

import pandas as pd

from graphrec.data.cleaning.account import CleaningStep
from graphrec.data.describe import cleaning_report, describe, describe_columns
from graphrec.data.interactions import RawData


def _raw():
    log = pd.DataFrame(
        {
            "user_id": [f"u{user}" for user in range(10)] + ["u0", "u1"],
            "item_id": ["a"] * 11 + ["b"],
            "week": [*range(1, 13)],
            "price": [1.0] * 9 + [4.0, None, 1.0],
            "part": ["train"] * 10 + ["test"] * 2,
            "line": range(2, 14),
        }
    )
    return RawData("shop", log, users=pd.DataFrame({"user_id": ["u0"], "age": [3]}))


def test_describe_counts():
    said = describe(_raw()).set_index("what")["value"]
    assert said["rows"] == "12"
    assert said["users"] == "10"
    assert said["items with 10 or more buyers"] == "1"
    assert said["distinct pairs of user and item"] == "11"
    assert said["density"] == "55.0000%"
    assert said["rows that repeat an earlier pair"] == "8.3%"
    assert said["week"] == "1 to 12"
    assert said["rows of the part test"] == "2"
    assert said["attributes of users"] == "age"


def test_describe_columns():
    said = describe_columns(_raw()).set_index("column")
    assert said.loc["price"].tolist() == [1, 2, "1", "1", "4"]
    assert said.loc["user_id"].tolist() == [0, 10, "", "", ""]
    assert "line" not in said.index


def test_cleaning_report_keeps_the_order():
    report = cleaning_report([CleaningStep("b", 5, removed=2), CleaningStep("a", 3, filled=1)])
    assert report.to_numpy().tolist() == [["b", 5, 2, 0], ["a", 3, 0, 1]]
    assert report["removed"].dtype == "int64"
