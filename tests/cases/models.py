# ruff: noqa: E501  a command is easier to read in one line
"""Cases of fits: small logs, options of Lightning, and the model that is tested."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from cases.shop import LIGHTGCN, Shell, config, log, newest, recommended


def _trains(shell: Shell) -> None:
    shell("fit -c c.yaml").done()
    losses = pd.read_csv(newest().parents[1] / "metrics.csv")["train_loss"].dropna()
    assert len(losses)
    assert np.isfinite(losses).all()


def g03_single_user(shell: Shell) -> None:
    """A log of one user trains and gives finite lists, or one line says why not."""
    frame = log(1, 15, 12)
    pd.concat([frame, frame.iloc[[2, 4]].assign(timestamp=["2023-07-01", "2023-07-02"])]).to_csv(
        "log.csv", index=False
    )
    config(LIGHTGCN)
    said = shell("fit -c c.yaml")
    if said.code:
        said.refused()
        return
    shell("test -c c.yaml").done()
    rec = recommended(shell, "-k 50 --items all")
    assert np.isfinite(rec["score"]).all()
    assert not rec.duplicated(["user_id", "item_id"]).any()
    assert len(rec) == 12


def g09_small_dense_negatives_3(shell: Shell) -> None:
    """A batch with more pairs than the log has cells trains."""
    log(12, 8, 96).to_csv("log.csv", index=False)
    config({**LIGHTGCN, "init_args": {**LIGHTGCN["init_args"], "negatives": 3}})
    _trains(shell)


def g10b_mf_default(shell: Shell) -> None:
    """The README's configuration trains on a log of 450 rows."""
    log(50, 12, 450).to_csv("log.csv", index=False)
    config({"class_path": "RankingTask", "init_args": {"encoder": "EmbeddingTable"}})
    _trains(shell)


def h08_gpu(shell: Shell) -> None:
    """A GPU that is not there is one line."""
    import torch

    if torch.cuda.is_available():
        return
    log().to_csv("log.csv", index=False)
    config(LIGHTGCN)
    shell("fit -c c.yaml --trainer.accelerator gpu").refused("gpu")
    shell("fit -c c.yaml --trainer.accelerator cuda --trainer.devices 2").refused()
    assert not Path("runs").exists()


def h12_overfit(shell: Shell) -> None:
    """overfit_batches works: one batch is seen again and again."""
    log().to_csv("log.csv", index=False)
    config(LIGHTGCN)
    shell("fit -c c.yaml --data.init_args.batch_size 64 --trainer.overfit_batches 1").done()
    from graphrec.cli.experiment.runs.folder import read_checkpoint

    last = read_checkpoint(newest().with_name("last.ckpt"))
    assert last["global_step"] == 2


def h18b_lr_scheduler_ignored(shell: Shell) -> None:
    """--lr_scheduler sets the rates that are printed in its documentation."""
    log().to_csv("log.csv", index=False)
    config(LIGHTGCN)
    words = (
        "--trainer.max_epochs 4 --trainer.callbacks+=LearningRateMonitor --model.init_args.learning_rate 0.01"
    )
    step = (
        "--lr_scheduler torch.optim.lr_scheduler.StepLR --lr_scheduler.step_size 1 --lr_scheduler.gamma 0.1"
    )
    for more, wanted in (("", [0.01] * 4), (step, [0.01, 0.001, 0.0001, 0.00001])):
        said = shell(f"fit -c c.yaml {words} {more}")
        if more and said.code:
            said.refused("lr_scheduler")
            continue
        metrics = pd.read_csv(newest().parents[1] / "metrics.csv")
        rates = metrics.filter(like="lr").dropna().to_numpy().ravel()
        assert np.allclose(rates, wanted), rates


def h19_callbacks(shell: Shell) -> None:
    """A metric that nobody logs is one line with those that are."""
    log().to_csv("log.csv", index=False)
    config(LIGHTGCN)
    shell("fit -c c.yaml --trainer.callbacks+=LearningRateMonitor").done()
    words = "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor val_lss"
    shell(f"fit -c c.yaml {words}").refused("val_lss", "val_ndcg_20")


def h20_nan_lr(shell: Shell) -> None:
    """A fit that diverges ends with one line; a rate that is none is refused."""
    log().to_csv("log.csv", index=False)
    config(LIGHTGCN)
    for rate in ("nan", "-1", "0", "inf"):
        shell(f"fit -c c.yaml --model.init_args.learning_rate {rate}").refused("learning_rate")
    for rate in ("1e9", "1e30"):
        said = shell(f"fit -c c.yaml --model.init_args.learning_rate {rate} --trainer.max_epochs 6")
        if said.code:
            said.refused("epoch", "loss")
        else:
            losses = pd.read_csv(newest().parents[1] / "metrics.csv")["train_loss"].dropna()
            assert np.isfinite(losses).all()


def y01_test_another_model_closed_form(shell: Shell) -> None:
    """What is tested is what was fitted; a configuration that disagrees is refused by key and values."""
    frame = log(rows=720)
    frame.to_csv("log.csv", index=False)
    config()
    override = "--model.init_args.recommender.init_args.decay_weeks 0.5"
    shell(f"fit -c c.yaml {override}").done()
    run = newest().parents[1]
    rec = recommended(shell, "-k 20 --items all")
    shell("test -c c.yaml").refused("decay_weeks", "0.5", "10")
    shell("validate -c c.yaml").refused("decay_weeks", "0.5", "10")
    shell(f"test --ckpt_path {newest()}").done()
    measured = json.loads((run / "test_metrics.json").read_text())["test_ndcg_20"]
    assert abs(measured - _ndcg(rec, frame)) < 1e-9
    shell(f"test -c c.yaml {override}").done()
    again = json.loads((run / "test_metrics.json").read_text())["test_ndcg_20"]
    assert again == measured


def _ndcg(rec: pd.DataFrame, frame: pd.DataFrame) -> float:
    """NDCG@20 of the last purchase of each user with more than two, by hand."""
    last = frame.sort_values("timestamp").groupby("user_id").tail(1).set_index("user_id")["item_id"]
    size = frame.groupby("user_id").size()
    ranks = rec.set_index(["user_id", "item_id"])["rank"]
    gains = [
        1 / np.log2(1 + ranks[user, item]) if (user, item) in ranks.index else 0.0
        for user, item in last.items()
        if size[user] > 2
    ]
    return float(np.mean(gains))


def z05_wandb_online_no_key(shell: Shell) -> None:
    """Without a network the fit goes on offline, within ten seconds more."""
    log().to_csv("log.csv", index=False)
    config()
    started = time.monotonic()
    shell("fit -c c.yaml").done()
    offline = time.monotonic() - started
    before = {key: os.environ.get(key) for key in ("WANDB_MODE", "WANDB_API_KEY")}
    os.environ |= {"WANDB_MODE": "online", "WANDB_API_KEY": "0123456789" * 4}
    try:
        started = time.monotonic()
        shell("fit -c c.yaml").done().says("offline")
        assert time.monotonic() - started < offline + 15
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def x01_outlier_null(shell: Shell) -> None:
    """null on the command line is null."""
    log().to_csv("log.csv", index=False)
    key = "--data.init_args.source.init_args.outlier_factor"
    for factor, given, wanted in (
        (None, "", None),
        (20, f"{key} null", None),
        (20, f"{key} 30", 30.0),
        (30, f"{key}=null", None),
    ):
        config(outlier_factor=factor)
        shell(f"fit -c c.yaml {given}").done()
        kept = yaml.safe_load((newest().parents[1] / "config.yaml").read_text())
        assert kept["data"]["init_args"]["source"]["init_args"]["outlier_factor"] == wanted


def w03_data_args(shell: Shell) -> None:
    """Arguments out of range are one line each, before anything is written."""
    log().to_csv("log.csv", index=False)
    config()
    wrong = ["cutoffs [0,20]", "cutoffs [-1,20]", "cutoffs [20,20]", "cutoffs []", "item_sets []",
             "item_sets [all,all]", "batch_size 0", "eval_batch_size -1", "source.init_args.outlier_factor 0.5",
             "source.init_args.outlier_factor nan"]  # fmt: skip
    for words in wrong:
        shell(f"fit -c c.yaml --data.init_args.{words}").refused(words.split()[0].rpartition(".")[2])
        assert not Path("runs").exists()
    shell("fit -c c.yaml --data.init_args.source.init_args.outlier_factor null").done()
