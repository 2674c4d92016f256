"""A YAML that names a log no frame holds trains what the source ``table`` trains on the same rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from large_logs import grocer, write_parts

from graphrec.cli.main import main
from graphrec.data.engine.data import LargeData
from graphrec.data.features.build import FeatureOptions
from graphrec.data.features.text import TextFeatures
from graphrec.data.module import RecommenderData
from graphrec.data.sources import table
from graphrec.data.splits import LeaveLast, Random, Temporal
from graphrec.data.weights import EdgeWeights, Event, Recency
from graphrec.errors import InputError
from graphrec.graph import BipartiteGraph

WEEKS = Temporal(train_end=8, val_end=10, test_end=11)
DAYS = Temporal(train_end="2024-02-20", val_end="2024-03-05", column="timestamp")
WEIGHTS = EdgeWeights([Event({"view": 0.2, "purchase": 1.0}), Recency(3)])


def shop(folder: Path, weeks: bool = True) -> tuple[Path, Path]:
    """The grocer with returns, rows without a user, repeated rows, and items that only later weeks know."""
    log, items = grocer()
    log.loc[log.index[5:8], "quantity"] = [0.0, -1.0, 2.0]
    log.loc[log.index[9], "user_id"] = None
    log.loc[log.index[10], "user_id"] = ""
    late = log[log["week"] > 9].iloc[:6].assign(item_id="neu ½")
    log = pd.concat([log, late, log.iloc[:7]], ignore_index=True)
    log = log.sort_values("timestamp", ignore_index=True)
    table_of_items = folder / "items.csv"
    items.to_csv(table_of_items, index=False)
    return write_parts(log if weeks else log.drop(columns="week"), folder / "log", 3), table_of_items


def lines(part) -> list[tuple]:
    """Pairs of a part in the ids of the log."""
    user, item = part.pairs().T
    return list(zip(part.users.ids[user], part.items.ids[item], strict=True))


def history(graph) -> set[tuple]:
    """User, item and week of each purchase."""
    return set(
        zip(*(getattr(graph, f"history_{name}").tolist() for name in ("user", "item", "week")), strict=True)
    )


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "events"])
@pytest.mark.parametrize(("split", "weeks"), [(WEEKS, True), (WEEKS, False), (DAYS, False)], ids=str)
def test_parts_and_graphs_are_those_of_the_rows(split, weeks, weights, tmp_path, capsys):
    folder, items = shop(tmp_path, weeks)
    small = RecommenderData(
        table(str(folder), items=str(items), outlier_factor=None, equal_rows="keep"),
        split,
        weights=weights,
    )
    large = LargeData(str(folder), split, items=str(items), weights=weights, memory="500MB", threads=2)
    for part in ("train", "val", "test"):
        assert lines(getattr(large.split, part)) == lines(getattr(small.split, part)), part
    assert large.split.cold == small.split.cold
    assert large.split.cold["valid"] + large.split.cold["test"] > 0 or split is not WEEKS
    assert large.split.sha256() == small.split.sha256()
    pd.testing.assert_frame_equal(
        large.source.items.sort_values("item_id", ignore_index=True),
        small.source.items[small.source.items["item_id"] != "neu ½"].sort_values(
            "item_id", ignore_index=True
        ),
    )
    found, wanted = BipartiteGraph.of(large), BipartiteGraph.of(small)
    assert history(found) == history(wanted)
    buffers = dict(found.named_buffers())
    for name, buffer in wanted.named_buffers():
        if name.startswith("history_"):
            continue  # these are in no order
        theirs = buffers[name]
        np.testing.assert_allclose(theirs.numpy(), buffer.numpy(), rtol=1e-5, err_msg=name)
    np.testing.assert_array_equal(found.bought.items.numpy(), wanted.bought.items.numpy())
    large.report()
    assert "split Temporal by" in capsys.readouterr().err


def test_features_are_those_of_the_rows(tmp_path):
    folder, items = shop(tmp_path)
    options = FeatureOptions(pca=None, min_variance=0.0)
    columns = {"price": None, "shelf_price": None, "regular_price": None}  # the source fills what is missing
    raw = table(str(folder), columns=columns, items=str(items), outlier_factor=None, equal_rows="keep")
    small = RecommenderData(raw, WEEKS, options)
    large = LargeData(str(folder), WEEKS, columns, items=str(items), features=options)
    assert large.features.item_names == small.features.item_names
    np.testing.assert_allclose(large.features.user, small.features.user, atol=1e-5)
    np.testing.assert_allclose(large.features.item, small.features.item, atol=1e-5)
    before = large.features_sha256()
    assert (
        before == LargeData(str(folder), WEEKS, columns, items=str(items), features=options).features_sha256()
    )


def test_a_yaml_fits_refits_tests_and_recommends_as_the_source_table_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shop(tmp_path)
    split = {"class_path": "Temporal", "init_args": {"train_end": 8, "val_end": 10}}
    source = {"class_path": "graphrec.data.sources.table"}
    source["init_args"] = {"path": "log", "items": "items.csv", "outlier_factor": None}
    data = {
        "rows": {"class_path": "RecommenderData", "init_args": {"source": source, "split": split}},
        "large": {
            "class_path": "graphrec.data.engine.data.LargeData",
            "init_args": {"path": "log", "items": "items.csv", "memory": "500MB", "split": split},
        },
    }
    found = {}
    for name, content in data.items():
        Path(f"{name}.yaml").write_text(yaml.safe_dump(content))
        main(["fit", "-m", "ease", "--data", f"{name}.yaml", "--run.name", name, "--run.id", "a"])
        checkpoint = f"runs/{name}/a/checkpoints/best.ckpt"
        main(["test", "--ckpt_path", checkpoint])
        main(["recommend", "--ckpt_path", checkpoint, "-k", "5", "--out", f"{name}.csv"])
        main(["export", checkpoint, "--out", f"{name}.zip"])
        main(["recommend", "--ckpt_path", f"{name}.zip", "-k", "5", "--out", f"{name}-packed.csv"])
        metrics = json.loads(Path(f"runs/{name}/a/test_metrics.json").read_text())
        found[name] = {key: value for key, value in metrics.items() if key.startswith("test_")}
    assert found["rows"] == pytest.approx(found["large"])
    assert Path("rows.csv").read_text() == Path("large.csv").read_text()
    assert Path("large-packed.csv").read_text() == Path("large.csv").read_text()
    capsys.readouterr()
    main(["refit", "runs/large/a"])
    assert "no validation pairs" in capsys.readouterr().err.replace("0 validation", "no validation")


def test_what_does_not_hold_is_refused_in_one_line(tmp_path):
    folder, _ = shop(tmp_path)
    for split in (LeaveLast(), Random()):
        with pytest.raises(InputError, match="is split by Temporal alone"):
            LargeData(str(folder), split)
    for option in ({"min_item_users": 2}, {"min_user_items": 3}, {"whole_catalogue": True}):
        with pytest.raises(InputError, match="does not hold for a log that no frame holds"):
            LargeData(str(folder), Temporal(train_end=8, val_end=10, **option))
    with pytest.raises(InputError, match="train_end 99"):
        LargeData(str(folder), Temporal(train_end=99, val_end=100))
    pd.DataFrame({"user_id": ["a"], "item_id": ["x"]}).to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(InputError, match="needs this column"):
        LargeData(str(tmp_path / "bare.parquet"), WEEKS)
    with pytest.raises(InputError, match="would be lost"):
        LargeData(str(folder), WEEKS, strict=True).split  # noqa: B018
    options = FeatureOptions(text=[TextFeatures("review", source="log")])
    with pytest.raises(InputError, match="texts of a log"):
        LargeData(str(folder), WEEKS, features=options).features  # noqa: B018
