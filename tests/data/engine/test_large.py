"""A log in Parquet gives the edges and features that its rows give, and says what it leaves out."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from large_logs import ALL, grocer, write_parts

from graphrec.data.engine.backends import DuckDB
from graphrec.data.engine.large import LargeLog
from graphrec.data.features.build import FeatureOptions, build_features
from graphrec.data.sources import table
from graphrec.data.splits import Temporal
from graphrec.data.weights import EdgeWeights, Event, Rating, Recency
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph

EVENTS = Event({"view": 0.2, "purchase": 1.0})


def small(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({"user_id": ["a", "b", "a"], "item_id": ["x", "x", "y"], **columns})


def written(log: pd.DataFrame, folder: Path) -> Path:
    log.to_parquet(folder / "log.parquet", index=False)
    return folder / "log.parquet"


@pytest.mark.parametrize(
    "weights",
    [None, EdgeWeights([EVENTS, Recency(3)]), EdgeWeights([Rating()], "max")],
    ids=["none", "events", "ratings"],
)
def test_what_the_rows_give_the_files_give(weights: EdgeWeights | None, tmp_path) -> None:
    log, items = grocer()
    log.loc[log.index[5:8], "quantity"] = [0.0, -1.0, 2.0]
    log.loc[log.index[9], "user_id"] = None
    folder, table_of_items = write_parts(log, tmp_path / "log"), tmp_path / "items.csv"
    items.to_csv(table_of_items, index=False)
    columns = {"price": None}  # the source fills missing prices, which this way does not
    raw = table(str(folder), columns=columns, items=str(table_of_items), outlier_factor=None)
    weighed = {} if weights is None else {"weights": weights}
    train = Temporal(train_end=9, val_end=10)(raw.log, **weighed).train
    wanted = build_features(train, items=raw.items, options=ALL)

    large = LargeLog.read(folder, columns, train_end=9, weights=weights, engine=DuckDB("500MB", 2))
    found = large.features(items=raw.items, options=ALL)
    assert (found.user_names, found.item_names) == (wanted.user_names, wanted.item_names)
    np.testing.assert_allclose(found.user, wanted.user, atol=1e-5)
    np.testing.assert_allclose(found.item, wanted.item, atol=1e-5)
    assert large.users.ids.tolist() == train.users.ids.tolist()
    assert large.items.ids.tolist() == train.items.ids.tolist()
    edges, pairs = large.edges(), train.pairs()
    np.testing.assert_array_equal(np.column_stack([edges.user, edges.item]), pairs)
    rows = train.frame.groupby(["user", "item"])
    np.testing.assert_array_equal(edges.count, rows.size())
    for name, values in (("min", edges.first), ("max", edges.last)):
        seconds = rows["timestamp"].agg(name).astype("datetime64[s]").astype("int64")
        np.testing.assert_array_equal(values, seconds)
    graph, same = BipartiteGraph(large.interactions()), BipartiteGraph(train)
    assert graph.num_edges == same.num_edges
    if weights is None:
        assert edges.weight is None
    else:
        np.testing.assert_allclose(large.interactions().edge_weight, train.edge_weight, rtol=1e-6)
    assert large.interactions().targets().sha256() == train.targets().sha256()


def test_what_is_left_out_is_counted_and_told(tmp_path, capsys) -> None:
    log = small(week=[1, 2, 3], quantity=[1.0, -1.0, 2.0])
    log.loc[3] = [None, "x", 1, 1.0]
    log.loc[4] = ["", "x", 1, 1.0]
    log.loc[5] = ["b", "y", 2, 0.0]
    log.loc[6] = ["b", "y", 2, np.nan]
    large = LargeLog.read(written(log, tmp_path), train_end=2)
    assert large.account == {
        "rows": 7,
        "after the training part": 1,
        "returns (quantity below 0)": 1,
        "rows of quantity 0": 1,
        "rows without user_id": 2,
    }
    assert "7 rows, 2 in the training part; 1 after the training part" in capsys.readouterr().err
    assert large.edges().user.tolist() == [0, 1]
    assert large.users.ids.tolist() == ["a", "b"]


def test_a_pattern_names_files_and_whole_numbers_are_ids_as_text(tmp_path) -> None:
    for name, user in {"one": 10, "two": 9}.items():
        pd.DataFrame({"customer": [user], "item_id": ["007"]}).to_parquet(tmp_path / f"{name}.parquet")
    large = LargeLog.read(tmp_path / "*.parquet", {"user_id": "customer"})
    assert large.users.ids.tolist() == ["10", "9"]  # in the order of text, as every log has them
    assert large.items.ids.tolist() == ["007"]
    edges = large.edges()
    assert (edges.user.tolist(), edges.item.tolist(), edges.count.tolist()) == ([0, 1], [0, 0], [1, 1])
    assert (edges.weight, edges.first, edges.last) == (None, None, None)
    features = large.features(options=FeatureOptions(["behaviour"], ["base"]))
    assert features.user.shape[0] == 2


def test_the_end_may_be_a_date(tmp_path) -> None:
    times = pd.to_datetime(["2024-01-31 23:59", "2024-02-01 00:00", "2024-01-01 00:00"])
    path = written(small(timestamp=times), tmp_path)
    large = LargeLog.read(path, train_end="2024-01-31")
    assert len(large.edges()) == 2
    assert large.account["after the training part"] == 1
    numbers = small(timestamp=times.astype("datetime64[s]").astype("int64"))
    assert len(LargeLog.read(written(numbers, tmp_path), train_end="2024-01-31").edges()) == 2


@pytest.mark.parametrize(
    ("log", "arguments", "words"),
    [
        (small(), {"columns": {"user_id": "custmer"}}, "column 'custmer': this column is missing"),
        (small(), {"columns": {"user": "user_id"}}, r"columns\.user.*is not a column of a log"),
        (small(), {"train_end": 3}, "train_end.*there are no times"),
        (small(week=[4, 5, 6]), {"train_end": 3}, "before the log begins"),
        (small(timestamp=["1.1.2024"] * 3), {}, "'timestamp': values are string, not timestamps"),
        (small(timestamp=[1_704_067_200_000] * 3), {}, "beyond the year 2100"),
        (small(price=["1,5"] * 3), {}, "'price': values are string, not numbers"),
        (small().assign(user_id=[1.5, 2.0, 3.0]), {}, "'user_id': values are float64, not text or whole"),
        (small().assign(user_id=[" a", "b", "c"]), {}, "' a' has space around it"),
        (small(quantity=[0, 0, -1]), {}, "no interaction is left .*2 rows of quantity 0"),
        (small(), {"weights": EdgeWeights([Rating()])}, "'rating': the weight Rating needs this column"),
        (small(rating=[1.0, np.nan, 3.0]), {"weights": EdgeWeights([Rating()])}, "1 rows have nothing to"),
        (small(rating=[1.0, 2.0, 3.0]), {"weights": EdgeWeights([Rating(zero_below=4)])}, "weighs 0"),
    ],
)
def test_what_cannot_be_used_is_refused(log: pd.DataFrame, arguments: dict, words: str, tmp_path) -> None:
    with pytest.raises(InputError, match=words):
        LargeLog.read(written(log, tmp_path), engine=DuckDB(threads=1), **arguments)


def test_files_that_are_no_parquet_are_refused(tmp_path) -> None:
    small().to_csv(tmp_path / "log.csv", index=False)
    with pytest.raises(InputError, match=r"log\.csv: this is not a Parquet file"):
        LargeLog.read(tmp_path / "log.csv")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(InputError, match=r"bad\.parquet"):
        LargeLog.read(tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="memory"):
        DuckDB("a lot")


def test_what_does_not_fit_into_memory_goes_to_a_folder_that_is_deleted(tmp_path) -> None:
    rng = np.random.default_rng(0)
    rows = 500_000
    log = pd.DataFrame({"user_id": rng.integers(0, 10**5, rows), "item_id": rng.integers(0, 10**4, rows)})
    engine = DuckDB("40MB", 1, tmp_path)
    edges = LargeLog.read(written(log, tmp_path), engine=engine).edges()
    assert len(edges) == len(log.drop_duplicates())
    assert engine.spilled.is_dir()
    folder = engine.spilled
    del engine
    gc.collect()
    assert not folder.exists()
