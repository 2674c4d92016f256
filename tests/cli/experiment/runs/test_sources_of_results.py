"""Every result tells which checkpoint and which split it is of."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from small_runs import write_config

from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.files import sha256_of
from graphrec.results import check_no_input, told_of, write_table


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


def test_a_result_does_not_overwrite_what_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = Path("log.csv")
    rows = [
        (f"u{user}", f"i{(user + 2 * week + item) % 11}", 1_700_000_000 + 604_800 * week + item, 2.0)
        for week in range(5)
        for user in range(5)
        for item in range(2)
    ]
    pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "price"]).to_csv(log, index=False)
    pd.DataFrame({"user_id": ["u1"]}).to_csv("users.csv", index=False)
    Path("c.yaml").write_text(
        "seed_everything: 1\nmodel: {class_path: ClosedFormTask, init_args: {recommender: Popularity}}\n"
        "data: {class_path: RecommenderData, init_args: {source: "
        "{class_path: graphrec.data.sources.table, init_args: {path: log.csv}}, split: LeaveLast}}\n"
    )
    main(["fit", "-c", "c.yaml", "--run.name", "small", "--run.id", "a"])
    best = "runs/small/a/checkpoints/best.ckpt"
    for out, command in {
        "log.csv": ["recommend"],
        str(log.absolute()): ["offers", "--policy", "none"],
        "users.csv": ["recommend", "--users", "users.csv"],
    }.items():
        before = Path(out).read_bytes()
        with pytest.raises(InputError, match="this file is read here"):
            main([*command, "--ckpt", best, "--out", out])
        assert Path(out).read_bytes() == before


def test_a_result_in_a_folder_that_is_read_may_be_written_again(tmp_path):
    source = tmp_path / "ratings.csv"
    source.write_text("userId,movieId\n1,2\n")
    with pytest.raises(InputError, match="this file is read here"):
        check_no_input(source, [None, 3, "\0", tmp_path])
    check_no_input(tmp_path / "new.csv", [tmp_path])
    for name in ("ours.csv", "ours.parquet"):
        frame = pd.DataFrame({"user_id": ["a"]})
        frame.attrs = {"split_sha256": "0"}
        check_no_input(write_table(frame, tmp_path / name), [tmp_path])
