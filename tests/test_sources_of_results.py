"""Every result tells which checkpoint and which split it is of."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from small_runs import write_config

from graphrec.cli.main import main
from graphrec.files import sha256_of, told_of


def test_results_tell_checkpoint_and_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    main(["fit", "-c", write_config("c.yaml"), "--run.id", "a"])
    run = Path("runs/small/a")
    best = run / "checkpoints" / "best.ckpt"
    task = main(["test", "-c", "c.yaml"])
    split = task.datamodule.split.sha256()
    main(["predict", "-c", "c.yaml"])
    main(["recommend", "--ckpt", str(best), "--out", "items.parquet"])
    main(["offers", "--ckpt", str(best), "--policy", "none", "--out", "offers.parquet"])
    main(["recommend", "--ckpt", str(best), "--out", "items.csv"])
    main(["offers", "--ckpt", str(best), "--policy", "none", "--out", "offers.tsv"])
    main(["compare", str(run), "--out", "cmp", "--offers", "offers.tsv"])

    expected = {"checkpoint": "best.ckpt", "checkpoint_sha256": sha256_of(best), "split_sha256": split}
    measured = json.loads((run / "test_metrics.json").read_text())
    assert {key: measured[key] for key in expected} == expected
    for file in (
        run / "test_users.parquet",
        run / "recommendations.parquet",
        "items.parquet",
        "offers.parquet",
    ):
        assert pd.read_parquet(file).attrs == expected, file
    for file in ("items.csv", "offers.tsv"):
        beside = json.loads(Path(f"{file}-metadata.json").read_text())
        assert beside == {"url": file, "sha256": sha256_of(file), **expected}
        assert told_of(file) == expected
    assert expected["checkpoint_sha256"] in Path("cmp/report.html").read_text()
    told = pd.read_csv("cmp/runs.csv").iloc[0]
    assert (told["checkpoint_sha256"], told["split_sha256"]) == (sha256_of(best), split)
    table = pd.read_csv("cmp/comparison.csv").set_index("metric")
    assert table.loc["ndcg_20_new", "value"] == pytest.approx(
        measured["test_ndcg_20_new"], abs=1e-6
    )  # float32 in W&B
