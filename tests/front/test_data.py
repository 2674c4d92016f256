"""Frames in the place of files: the same rows, the same counts, the same mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from front_shop import COLUMNS, purchases

import graphrec as gr
from graphrec.data.cleaning.rules import Guests, Returns
from graphrec.data.ledger import cleaning_lines
from graphrec.data.places.frames import FrameFile
from graphrec.data.sources import table
from graphrec.data.tables.read import load_table, read_table
from graphrec.data.weights import EdgeWeights, Quantity, Recency
from graphrec.offers.limits.stock import read_stock


def steps(data):
    return [(step.step, step.removed, step.filled) for step in data.raw.steps]


def test_a_frame_is_what_its_file_is_to_the_digit(tmp_path):
    dirty = purchases()
    dirty.loc[3, "customer"], dirty.loc[5, "price"], dirty.loc[8, "sku"] = None, np.nan, " 007 "
    dirty.loc[9, "quantity"] = -1
    dirty.to_csv(tmp_path / "log.csv", index=False)
    one = gr.load(tmp_path / "log.csv", COLUMNS, split=gr.LeaveLast())
    other = gr.load(dirty, COLUMNS, split=gr.LeaveLast())
    assert steps(one) == steps(other)
    assert any(removed for _, removed, _ in steps(one))
    pd.testing.assert_frame_equal(
        one.log.drop(columns="line"), other.log.drop(columns="line"), check_exact=True
    )
    assert one.split.sha256() == other.split.sha256()
    assert one.ledger()[1] == other.ledger()[1]
    assert one.ledger()[0].partition(": ")[2] == other.ledger()[0].partition(": ")[2]


def test_frames_stand_for_users_items_and_a_test_part(tmp_path):
    log = purchases()
    users = pd.DataFrame({"customer": sorted(log["customer"].unique())}).assign(age=range(40))
    items = pd.DataFrame({"sku": sorted(log["sku"].unique())}).assign(department="FOOD")
    parts = {"log": log[:700], "test": log[700:], "users": users, "items": items}
    for name, frame in parts.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    others = {name: parts[name] for name in ("test", "users", "items")}
    files = {name: tmp_path / f"{name}.csv" for name in others}
    options = {"split": gr.Given(drop_cold_items=True, drop_cold_users=True), "name": "x"}
    one = gr.load(parts["log"], COLUMNS, **others, **options)
    other = gr.load(tmp_path / "log.csv", COLUMNS, **files, **options)
    assert one.split.sha256() == other.split.sha256()
    pd.testing.assert_frame_equal(one.raw.users, other.raw.users)
    pd.testing.assert_frame_equal(one.raw.items, other.raw.items)


def test_the_reader_takes_a_frame_as_it_is(tmp_path):
    ids = ["007", 7.0, 8, "A1"]
    frame = pd.DataFrame({"user_id": pd.Series(ids, dtype=object), "item_id": pd.Categorical(list("abca"))})
    frame["timestamp"] = pd.date_range("2024-01-01", periods=4, tz="Europe/Berlin")
    read = read_table(FrameFile.of(frame, "log"))
    assert read["user_id"].tolist() == ["007", "7.0", "8", "A1"]  # as of a CSV file
    assert read["item_id"].tolist() == ["a", "b", "c", "a"]
    assert read["timestamp"].iloc[0] == pd.Timestamp("2023-12-31 23:00")
    indexed = FrameFile.of(frame.set_index("user_id").astype({"item_id": "str"}).iloc[2:3], "log")
    written = indexed.write(tmp_path / "log.parquet")
    pd.testing.assert_frame_equal(
        read_table(indexed).drop(columns="line"), read_table(written).drop(columns="line")
    )
    stock = FrameFile.of(pd.DataFrame({"item_id": ["a", "a", "b"], "stock": [1, 2, 3]}), "stock")
    assert read_stock(stock).to_dict() == {"a": 3, "b": 3}


def test_rows_of_a_frame_count_from_0():
    frame = purchases().astype({"price": object})
    frame.loc[5, "price"] = "cheap"
    with pytest.raises(
        gr.InputError, match=r"DataFrame of log \(rows from 0\), row 5, column 'price': 'cheap'"
    ):
        gr.load(frame, COLUMNS, split=gr.LeaveLast())
    assert load_table(FrameFile.of(purchases(), "log"), COLUMNS).rows.place(5)[1] == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda log: gr.load(5, split=gr.LeaveLast()), "column 'log': 5 is no table"),
        (lambda log: gr.load(log, COLUMNS), "how the log is cut is missing"),
        (lambda log: gr.load(log, COLUMNS, split=gr.LeaveLast), "LeaveLast without brackets is no split"),
        (lambda log: gr.load(log, COLUMNS, split="LeaveLast"), "'LeaveLast' is no split"),
        (lambda log: gr.load(log, ["customer"], split=gr.LeaveLast()), "is not a mapping"),
        (lambda log: gr.load(log, {"user_id": "client"}, split=gr.LeaveLast()), "this column is missing"),
        (lambda log: gr.load(log, COLUMNS, split=gr.LeaveLast(), min_rate=4), "did you mean 'min_rating'"),
        (lambda log: gr.load(log, COLUMNS, split=gr.LeaveLast(), cutoffs="ten"), "'ten' is not a list"),
        (lambda log: gr.load(log, COLUMNS, split=gr.LeaveLast(), delimiter=";"), "a frame has no delimiter"),
        (lambda log: gr.load(log, COLUMNS, split=gr.LeaveLast(), names=["a"]), "a frame names its columns"),
        (lambda log: gr.load(log, COLUMNS, split=gr.LeaveLast(), users=3), "column 'users': 3 is no table"),
        (lambda log: gr.load(log.assign(x=[{}, 1] * 450), COLUMNS, split=gr.LeaveLast()), "holds a dict"),
        (lambda log: gr.load(log.rename(columns={"price": 0}), split=gr.LeaveLast()), "0 is no text"),
        (
            lambda log: gr.load(pd.concat([log, log], axis=1), split=gr.LeaveLast()),
            "two columns have this name",
        ),
        (lambda log: gr.load(log.iloc[:0], COLUMNS, split=gr.LeaveLast()), "the table has no rows"),
        (lambda log: gr.load(log, COLUMNS, split=gr.LeaveLast(), strict=True), "would be lost"),
    ],
)
def test_mistakes_are_told_at_once_in_one_line(given, said):
    log = purchases()
    with pytest.raises(gr.InputError, match=said) as refusal:
        given(pd.concat([log, log.iloc[:1]]) if "strict" in said or "lost" in said else log)
    assert "\n" not in str(refusal.value)


def test_a_run_on_a_frame_tells_its_cleaning_no_second_time(tmp_path):
    frame = pd.DataFrame({"user_id": ["a", "b", None], "item_id": ["x", "x", "y"], "quantity": [1, -1, 1]})
    steps = [Guests(), Returns()]
    loaded = gr.load(frame, cleaning=steps, split=gr.Random(whole_catalogue=True))
    frame.to_parquet(tmp_path / "log.parquet")
    kept = cleaning_lines(table(str(tmp_path / "log.parquet"), cleaning=steps))
    assert any("row 4: user_id missing" in line for line in kept)
    assert {f"graphrec: {line}" for line in kept} <= loaded.told(tmp_path)
    with pytest.raises(gr.InputError, match=r"'Returns' is no step of cleaning"):
        gr.load(frame, cleaning=["Returns"], split=gr.Random())


def test_what_became_of_the_rows_is_told(capsys):
    data = gr.load(purchases(), COLUMNS, split=gr.LeaveLast())
    told = capsys.readouterr()
    assert told.out == ""
    assert "DataFrame of log (rows from 0): 900 rows in" in told.err
    assert "split LeaveLast by timestamp" in told.err
    assert "40 users, 30 items" in repr(data)
    assert data.counts()["rows"].sum() == len(data.log)
    assert "<table" in data._repr_html_()


def test_weights_are_given_as_a_list_or_whole_and_written_as_a_yaml_has_them():
    log = purchases()
    rows = [Recency(half_life=3), Quantity()]
    one = gr.load(log, COLUMNS, split=gr.LeaveLast(), weights=rows)
    other = gr.load(log, COLUMNS, split=gr.LeaveLast(), weights=EdgeWeights(rows, "sum"))
    np.testing.assert_array_equal(one.split.train.edge_weight, other.split.train.edge_weight)
    assert len(set(one.split.train.edge_weight)) > 2
    with pytest.raises(gr.InputError, match="a frame has no path"):
        one.as_config()
    run = gr.fit(gr.ItemCF(), one, name="weighed")
    kept = run.config["data"]["init_args"]["weights"]
    assert kept["per_edge"] == "sum"
    assert [row["class_path"].rpartition(".")[2] for row in kept["rows"]] == ["Recency", "Quantity"]
    graph = run.loaded()[0].recommender.graph
    np.testing.assert_array_equal(graph.edge_weight, one.split.train.edge_weight)


@pytest.mark.parametrize("weights", [Recency(), ["Recency"], 3])
def test_what_is_no_weight_is_refused(weights):
    with pytest.raises(gr.InputError, match=r"column 'weights': .* give a list as \[Recency"):
        gr.load(purchases(), COLUMNS, split=gr.LeaveLast(), weights=weights)
