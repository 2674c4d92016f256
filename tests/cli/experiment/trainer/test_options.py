"""Options of the trainer: they have the effect that their names promise, or are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonargparse
import pandas as pd
import pytest
import torch
import yaml
from small_runs import write_log

from graphrec.cli import main
from graphrec.cli.experiment.trainer.options import check_any_trainer
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
    write_log()


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
    "--trainer.gradient_clip_algorithm value": "nothing is clipped without --trainer.gradient_clip_val",
    "--trainer.val_check_interval 0": "--trainer.val_check_interval: 0 is too small; give more than 0",
    "--trainer.val_check_interval 00:00:00:01": "give a number of batches, or a share of an epoch",
    "--trainer.num_sanity_val_steps -2": "--trainer.num_sanity_val_steps: -2 is too small",
    "--trainer.log_every_n_steps -1": "--trainer.log_every_n_steps: -1 is too small",
    "--trainer.min_epochs 3": "3 epochs at least cannot be had of 2 at most; give 2 or less",
    "--trainer.min_steps 9 --trainer.max_steps 5": "9 steps at least cannot be had of 5 at most",
    "--trainer.strategy ddp_spawn": "choose ddp",
    "--trainer.strategy ddp_notebook --trainer.devices 2": "choose ddp",
    "--run.patience -1": "column 'run.patience': -1 is too small; give 0 or more",
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


@pytest.mark.parametrize(
    "options",
    [
        "--trainer.max_steps 1",
        "--trainer.max_time 00:00:00:00",
        "--trainer.val_check_interval 99 --trainer.check_val_every_n_epoch null",
        "--trainer.max_steps 1 --lr_scheduler ReduceLROnPlateau --lr_scheduler.monitor val_ndcg_20",
    ],
)
def test_a_fit_that_ends_before_its_first_validation_is_no_finished_run(options):
    with pytest.raises(InputError, match="the fit ended before its first validation; give it more epochs"):
        fit(*options.split())
    assert json.loads((RUN / "progress.json").read_text())["finished"] is None
    assert not (RUN / "checkpoints/best.ckpt").exists()
    with pytest.raises(InputError, match="no checkpoint of a run with this id"):
        main(["test", "-c", "c.yaml"])


def test_a_plateau_is_looked_for_where_there_is_a_validation():
    cli = fit("--lr_scheduler=ReduceLROnPlateau", "--lr_scheduler.monitor=val_ndcg_20",
              "--lr_scheduler.mode=max", "--lr_scheduler.threshold=9", "--lr_scheduler.patience=0",
              "--lr_scheduler.factor=0.5",
              "--trainer.check_val_every_n_epoch=2", "--trainer.max_epochs=6",
              "--model.init_args.learning_rate=0.08")  # fmt: skip
    rate = cli.trainer.optimizers[0].param_groups[0]["lr"]
    assert rate == pytest.approx(0.02)  # of three validations the first one sets the mark


CLOSED = CONFIG[: CONFIG.index("model:")].replace("max_epochs: 2, ", "") + (
    "model: {class_path: ClosedFormTask, init_args: {recommender: Popularity}}\n"
)


@pytest.mark.parametrize(
    "option",
    ["max_epochs 5", "limit_train_batches 1", "accumulate_grad_batches 2", "gradient_clip_val 0.5"],
)
def test_what_changes_nothing_in_a_closed_form_is_told(option, capfd):
    Path("c.yaml").write_text(CLOSED)
    fit(*f"--trainer.{option}".split())
    assert (
        f"Popularity is fitted at once: trainer.{option.split()[0]} changes nothing" in capfd.readouterr().err
    )
    assert (RUN / "checkpoints/best.ckpt").exists()


def test_a_shared_yaml_may_have_epochs_for_a_closed_form_and_is_told(capfd):
    Path("c.yaml").write_text(CLOSED)
    fit("--trainer.max_epochs", "1")
    assert "fitted at once" not in capfd.readouterr().err
    Path("c.yaml").write_text(
        CLOSED.replace("trainer: {", "trainer: {max_epochs: 3, limit_train_batches: 1, ")
    )
    fit("--run.id", "two")
    told = "Popularity is fitted at once: trainer.max_epochs and trainer.limit_train_batches change nothing"
    assert told in capfd.readouterr().err
    main(["refit", "runs/trainer/two"])
    assert "fitted at once" not in capfd.readouterr().err


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_a_command_that_would_read_nothing_is_refused(command):
    fit()
    part = {"validate": "val"}.get(command, command)
    with pytest.raises(InputError, match=f"limit_{part}_batches: 0 reads nothing"):
        main([command, "-c", "c.yaml", f"--trainer.limit_{part}_batches", "0"])


def test_numbers_of_some_users_are_not_kept_as_those_of_a_run(capfd):
    fit()
    some = ["--trainer.limit_test_batches", "1", "--data.init_args.eval_batch_size"]
    main(["test", "-c", "c.yaml", *some, "5"])
    assert "its numbers are shown and not kept" in capfd.readouterr().out
    assert not (RUN / "test_metrics.json").exists()
    assert not (RUN / "test_users.parquet").exists()
    main(["test", "-c", "c.yaml", *some, "12"])
    assert json.loads((RUN / "test_metrics.json").read_text())["test_users_new"] == 12.0


def test_averaged_weights_are_kept_and_gone_on_with(capfd):
    averaged = ["--trainer.callbacks+=StochasticWeightAveraging", "--trainer.callbacks.swa_lrs=0.1"]
    fit(*averaged, "--trainer.max_epochs", "4")
    assert "Unable to serialize" not in capfd.readouterr().err
    shown = pd.read_csv(RUN / "metrics.csv")["val_ndcg_20"].dropna().max()
    again = main(["validate", "-c", "c.yaml"])
    assert float(again.trainer.callback_metrics["val_ndcg_20"]) == pytest.approx(shown, abs=1e-9)
    assert main(["fit", "--ckpt_path", "last", "--run.name", "trainer", "--trainer.max_epochs", "5"])


def test_a_fit_of_several_nodes_says_what_it_waits_for(capfd):
    options = jsonargparse.Namespace(
        strategy="auto", default_root_dir=None, use_distributed_sampler=None, sync_batchnorm=None, num_nodes=2
    )
    check_any_trainer(options)
    assert "waits until 2 nodes have begun; set MASTER_ADDR" in capfd.readouterr().err
