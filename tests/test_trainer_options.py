"""Options of the trainer: they have the effect that their names promise, or are refused in one line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from graphrec.cli import main
from graphrec.data.module import FixedBatches
from graphrec.errors import InputError

CONFIG = """\
run: {name: trainer, root: runs, id: one}
trainer: {max_epochs: 2, enable_progress_bar: false, enable_model_summary: false}
data:
  class_path: RecommenderData
  init_args:
    source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}
    split: {class_path: LeaveLast}
    batch_size: 16
model:
  class_path: RankingTask
  init_args: {encoder: {class_path: EmbeddingTable, init_args: {dim: 4}}}
"""
RUN = Path("runs/trainer/one")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Path("c.yaml").write_text(CONFIG)
    rows = [(u, (u * 3 + i * 5) % 11, f"2024-01-{i + 1:02d}") for u in range(12) for i in range(6)]
    pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).to_csv("log.csv", index=False)


def fit(*options: str):
    return main(["fit", "-c", "c.yaml", *options])


REFUSED = {
    "--trainer.accelerator gpu": "this machine has no GPU that torch can use",
    "--trainer.accelerator cuda --trainer.devices 2": "this machine has no GPU that torch can use",
    "--trainer.accelerator mps": "this machine has no GPU that torch can use",
    "--trainer.accelerator tpu": "torch_xla",
    "--trainer.accelerator abacus": "abacus",
    "--trainer.devices 0": "devices",
    "--trainer.devices -1": "devices",
    "--trainer.devices many": "devices",
    "--trainer.num_nodes 0": "num_nodes",
    "--trainer.strategy fastest": "fastest",
    "--trainer.strategy fsdp": "fsdp",
    "--trainer.strategy deepspeed": "(?i)deepspeed",
    "--trainer.precision transformer-engine": "transformer_engine",
    "--trainer.profiler bogus": "profiler",
    "--trainer.fast_dev_run -1": "fast_dev_run",
    "--trainer.max_epochs -2": "max_epochs",
    "--trainer.max_epochs 0": "--trainer.max_epochs: 0 trains nothing",
    "--trainer.max_steps -2": "max_steps",
    "--trainer.max_time 12h": "12h",
    "--trainer.limit_train_batches 0": "--trainer.limit_train_batches: 0 trains nothing",
    "--trainer.limit_train_batches 1.5": "limit_train_batches",
    "--trainer.limit_val_batches 0": "no epoch can be chosen",
    "--trainer.overfit_batches 1.5": "overfit_batches",
    "--trainer.val_check_interval 999": "val_check_interval",
    "--trainer.check_val_every_n_epoch 0": "--trainer.check_val_every_n_epoch: 0 is too small",
    "--trainer.check_val_every_n_epoch 3": "the fit has 2 epochs, of which none is validated",
    "--trainer.accumulate_grad_batches 0": "--trainer.accumulate_grad_batches: 0 is too small",
    "--trainer.gradient_clip_val -1": "--trainer.gradient_clip_val: -1 is too small",
    "--trainer.gradient_clip_val 1 --trainer.gradient_clip_algorithm best": "gradient_clip_algorithm",
    "--trainer.reload_dataloaders_every_n_epochs -1": "reload_dataloaders_every_n_epochs",
    "--trainer.default_root_dir there": "a run has its own folder; give --run.root",
    "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor val_loss": "no metric is called",
    "--trainer.callbacks+=ModelCheckpoint --trainer.callbacks.monitor val_lss": "no metric is called",
    "--trainer.callbacks NoSuchCallback": "NoSuchCallback",
    "--trainer.logger TensorBoardLogger --trainer.logger.save_dir x": "(?i)tensorboard",
    "--seed_everything -1": "seed",
    "--seed_everything 8589934592": "seed",
    "--seed_everything abc": "seed",
    "--model.init_args.encoder null": "column 'model.encoder': null names nothing",
    f"--run.name {'x' * 300}": "is too long",
    "--run.root /dev/null": "not a directory",
}  # fmt: skip


@pytest.mark.parametrize("options", REFUSED)
def test_what_cannot_be_is_one_line_and_leaves_no_checkpoint(options):
    with pytest.raises(InputError, match=REFUSED[options]) as mistake:
        fit(*options.split())
    assert len(str(mistake.value)) < 480
    assert not list(Path().rglob("*.ckpt"))


@pytest.mark.parametrize(("written", "steps"), [("1", 1), ("2", 2), ("1.0", None), ("0.5", None)])
def test_a_whole_number_counts_batches_and_one_with_a_point_is_a_share(written, steps):
    small = ["--data.init_args.batch_size", "8", "--trainer.max_epochs", "1"]
    whole = fit(*small).trainer.global_step
    cli = fit(*small, "--run.id", "two", "--trainer.limit_train_batches", written)
    assert whole > 2
    assert cli.trainer.global_step == (steps or int(float(written) * whole))


@pytest.mark.parametrize("batches", ["1", "0.5"])
def test_overfitting_sees_the_same_few_batches_in_each_epoch(batches):
    cli = fit("--trainer.overfit_batches", batches, "--trainer.max_epochs", "3",
              "--data.init_args.eval_batch_size", "6")  # fmt: skip
    edges = len(cli.datamodule.split.train.pairs())
    expected = 1 if batches == "1" else -(-edges // 16) // 2
    assert cli.trainer.num_training_batches == expected
    assert cli.trainer.global_step == 3 * expected
    first, again = (list(cli.trainer.train_dataloader) for _ in range(2))
    assert isinstance(cli.trainer.train_dataloader.sampler, FixedBatches)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_without_overfitting_each_epoch_has_another_order():
    loader = fit().trainer.train_dataloader
    loader.sampler.set_epoch(0)
    first = torch.cat(list(loader))
    loader.sampler.set_epoch(1)
    second = torch.cat(list(loader))
    assert not torch.equal(first, second)
    assert torch.equal(first.sort().values, second.sort().values)


def test_a_fit_without_checkpoints_trains_and_says_what_it_lacks(capfd):
    fit("--trainer.enable_checkpointing", "false")
    assert not list(Path().rglob("*.ckpt"))
    assert len(pd.read_csv(RUN / "metrics.csv")) == 4
    assert "no checkpoint is kept, so this run can be neither tested nor used" in capfd.readouterr().err


def test_a_bare_trainer_only_trains():
    assert fit("--trainer.barebones", "true").trainer.current_epoch == 2
    assert not list(Path().rglob("*.ckpt"))


@pytest.mark.parametrize(
    "how", ["--trainer.callbacks+=ModelCheckpoint", "--trainer.callbacks=ModelCheckpoint"]
)
def test_a_checkpoint_of_the_user_stands_beside_ours(how):
    fit(how, "--trainer.callbacks.dirpath=mine", "--trainer.callbacks.monitor=val_ndcg_20",
        "--trainer.callbacks.mode=max")  # fmt: skip
    assert len(list(Path("mine").glob("*.ckpt"))) == 1
    assert sorted(file.name for file in (RUN / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_an_early_stop_of_the_user_holds_instead_of_ours():
    options = ["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val_ndcg_20"]
    options += ["--trainer.callbacks.mode=max", "--trainer.callbacks.min_delta=9"]  # nothing is better by 9
    fitted = fit(*options, "--trainer.callbacks.patience=2", "--run.patience=1", "--trainer.max_epochs=30")
    assert fitted.trainer.current_epoch == 3


def test_a_metric_watched_the_wrong_way_round_is_told(capfd):
    fit("--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val_ndcg_20")
    said = capfd.readouterr().err
    assert "EarlyStopping takes val_ndcg_20 for the better the smaller, as its mode is min" in said


@pytest.mark.parametrize("null", [" null", "=null", "=~", " Null"])
def test_null_on_the_command_line_is_the_null_of_a_yaml(null):
    key = "--data.init_args.source.init_args.outlier_factor"
    fit(*f"{key}{null}".split(" "))
    kept = yaml.safe_load((RUN / "config.yaml").read_text())
    assert kept["data"]["init_args"]["source"]["init_args"]["outlier_factor"] is None
    assert kept["data"]["init_args"]["source"]["init_args"]["path"] == "log.csv"
