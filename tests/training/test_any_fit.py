"""Logs of any size under the real trainer: split, features, fit, test and prediction, or one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from any_log import drawn_log
from any_plan import Generator, plan_of

from graphrec.cli.main import main
from graphrec.data.features.build import FeatureOptions
from graphrec.data.interactions import RawData
from graphrec.data.module import RecommenderData
from graphrec.data.splits import LeaveLast, Random, Splitter
from graphrec.errors import InputError
from graphrec.fusion.task import FusionTask
from graphrec.graph import BipartiteGraph

QUIET = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}


def drawn_data(random: Generator) -> RecommenderData:
    """A log with or without times, attributes that tell nothing or are missing, any split and batch size."""
    log = drawn_log(random)[0].frame.rename(columns={"user": "user_id", "item": "item_id"})
    log["user_id"], log["item_id"] = "u" + log["user_id"].astype(str), "i" + log["item_id"].astype(str)
    if random.random() < 0.5:
        log["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(
            random.integers(0, 200, len(log)), "D"
        )
    items = pd.DataFrame({"item_id": log["item_id"].unique()}).assign(constant="x", empty=None)
    items["brand"] = random.choice(["a", "b", None], len(items))
    items["weight"] = random.choice([1.0, np.nan], len(items))
    splits: list[Splitter] = [LeaveLast(), Random(), Random(whole_catalogue=True)]
    return RecommenderData(
        RawData("log", log, items=items),
        splits[random.integers(len(splits))],
        FeatureOptions(pca=[None, 2, 32][random.integers(3)]),
        item_sets=[["all"], ["new", "all", "repeat"]][random.integers(2)],
        cutoffs=[[20], [1, 20, 100]][random.integers(2)],
        batch_size=int(2 ** random.uniform(0, 13)),
        eval_batch_size=int(random.integers(1, 40)),
    )


def may_refuse(data: RecommenderData) -> bool:
    """Whether a part of the split is empty, which is told in one line."""
    try:
        return not len(data.split.val) or not len(data.split.test)
    except InputError:
        return True


def fit_and_test(number: int, folder: Path) -> dict[str, float] | None:
    """The measures of a test, or none where one line says why there are none."""
    random, plan = np.random.default_rng(10_000 + number), plan_of(number)
    torch.manual_seed(number)
    data, task = drawn_data(random), plan.task(random)
    options = {"logger": False, "default_root_dir": folder, **QUIET}
    trainer = pl.Trainer(accelerator="cpu", max_epochs=2, num_sanity_val_steps=0, **options)
    try:
        if not isinstance(task, FusionTask):
            trainer.fit(task, data)
        measures = dict(trainer.test(task, data, verbose=False)[0])
        trainer.predict(task, data)
    except InputError:
        if may_refuse(data) or plan.may_refuse(BipartiteGraph(data.split.train)):
            return None
        raise
    return measures


def count_tested(numbers: range, folder: Path) -> int:
    """How many were tested; every measure of them is a number."""
    found = [fit_and_test(number, folder) for number in numbers]
    for number, measures in zip(numbers, found, strict=True):
        assert measures is None or all(np.isfinite(value) for value in measures.values()), number
    return sum(measures is not None for measures in found)


def test_logs_of_any_size_are_fitted_and_tested(tmp_path):
    assert count_tested(range(12), tmp_path) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("share", range(1, 5))
def test_many_logs_of_any_size_are_fitted_and_tested(share, tmp_path):
    assert count_tested(range(50 * share, 50 * share + 50), tmp_path) >= 20


@pytest.mark.parametrize(("users", "items", "negatives"), [(1, 12, 1), (20, 20, 1), (3, 2, 5)])
def test_small_and_dense_logs_go_through_every_command(tmp_path, monkeypatch, users, items, negatives):
    """The YAML of the README on a log with more rows than users times items."""
    monkeypatch.chdir(tmp_path)
    cells = pd.MultiIndex.from_product([[f"u{u}" for u in range(users)], [f"i{i}" for i in range(items)]])
    log = pd.concat([cells.to_frame(index=False, name=["customer", "sku"])] * 2)
    log["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(log)), "D")
    log.to_csv("purchases.csv", index=False)
    Path("mine.yaml").write_text(
        "run: {name: mine, id: a}\n"
        "trainer: {max_epochs: 2, enable_progress_bar: false, enable_model_summary: false}\n"
        "data:\n"
        "  class_path: RecommenderData\n"
        "  init_args:\n"
        "    source:\n"
        "      class_path: graphrec.data.sources.table\n"
        "      init_args:\n"
        "        path: purchases.csv\n"
        "        columns: {user_id: customer, item_id: sku, timestamp: date}\n"
        "    split: {class_path: LeaveLast}\n"
        "    item_sets: [all]\n"
        f"model: {{class_path: RankingTask, init_args: {{encoder: LightGCN, negatives: {negatives}}}}}\n"
    )
    main(["fit", "-c", "mine.yaml"])
    checkpoint = "runs/mine/a/checkpoints/best.ckpt"
    main(["test", "--ckpt_path", checkpoint])
    main(["recommend", "--ckpt_path", checkpoint, "-k", "50", "--items", "all", "--out", "all.parquet"])
    listed = pd.read_parquet("all.parquet")
    assert len(listed) == users * items
    assert not listed.duplicated(["user_id", "item_id"]).any()
    assert np.isfinite(listed["score"]).all()
