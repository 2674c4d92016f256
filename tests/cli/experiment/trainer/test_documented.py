"""The table of docs/how-to/lightning.md: each row works as it says, or is refused in the line it quotes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import torch
from pages import ROOT
from small_runs import write_log

from graphrec.cli import main
from graphrec.errors import InputError

PAGE = ROOT / "docs" / "how-to" / "lightning.md"
ROW = re.compile(r"^\| `(--[^`]+)` \| (works|one line): (.+) \|$", re.MULTILINE)
ROWS = {option: (kind, text) for option, kind, text in ROW.findall(PAGE.read_text(encoding="utf-8"))}
CONFIG = """\
run: {name: documented, root: runs}
trainer: {max_epochs: 2}
data:
  class_path: RecommenderData
  init_args:
    source: {class_path: graphrec.data.sources.table, init_args: {path: log.csv}}
    split: {class_path: LeaveLast}
    batch_size: 8
    eval_batch_size: 6
model:
  class_path: RankingTask
  init_args: {encoder: {class_path: EmbeddingTable, init_args: {dim: 4}}}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Path("c.yaml").write_text(CONFIG)
    write_log()


class Fitted:
    """What one fit left, for the checks."""

    def __init__(self, cli, out: str, err: str) -> None:
        self.cli, self.out, self.err, self.trainer = cli, out, err, cli.trainer
        self.folder: Path = cli.folder.path
        self.kinds = [type(one).__name__ for one in self.trainer.callbacks]

    @property
    def metrics(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "metrics.csv")

    @property
    def validations(self) -> int:
        return int(self.metrics["val_ndcg_20"].notna().sum())

    @property
    def weights(self) -> torch.Tensor:
        return torch.cat([one.detach().double().flatten() for one in self.cli.model.parameters()])

    @property
    def best_epoch(self) -> int:
        return int(torch.load(self.folder / "checkpoints/best.ckpt", weights_only=True)["epoch"])

    def epoch_of_least(self, name: str) -> int:
        return int(self.metrics.dropna(subset=[name]).set_index("epoch")[name].idxmin())

    @property
    def steps(self) -> int:
        return int(self.trainer.global_step)


def another(one: Fitted, plain: Fitted) -> bool:
    return not torch.equal(one.weights, plain.weights)


def deterministic(one: Fitted, plain: Fitted) -> bool:
    found = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    return found


WORKS = {
    "three epochs": lambda one, plain: one.trainer.current_epoch == 3,
    "no bound, the patience ends it": lambda one, plain: (
        one.trainer.max_epochs == -1 and one.validations >= 2
    ),
    "three epochs at least": lambda one, plain: one.trainer.current_epoch == 3,
    "seven steps": lambda one, plain: one.steps == 7 != plain.steps,
    "a timer watches": lambda one, plain: "Timer" in one.kinds and "Timer" not in plain.kinds,
    "two batches an epoch": lambda one, plain: one.steps == 4 < plain.steps,
    "one batch is validated": lambda one, plain: (
        one.trainer.num_val_batches == [1] != plain.trainer.num_val_batches
    ),
    "the same batch each step": lambda one, plain: one.steps == 2,
    "two validations an epoch": lambda one, plain: one.validations == 4 == 2 * plain.validations,
    "every second epoch": lambda one, plain: one.validations == 1,
    "a validation before the first epoch": lambda one, plain: one.trainer.num_sanity_val_batches == [1],
    "no checkpoint, and a line about it": lambda one, plain: (
        not list(one.folder.rglob("*.ckpt")) and "no checkpoint is kept" in one.err
    ),
    "no bar": lambda one, plain: "FitBar" in plain.kinds and "FitBar" not in one.kinds,
    "no count of weights": lambda one, plain: "weights: " in plain.out and "weights: " not in one.out,
    "half the steps": lambda one, plain: one.steps == -(-plain.steps // 4) * 2,
    "other weights": another,
    "torch takes repeatable ways only": deterministic,
    "torch looks for what is no number": lambda one, plain: one.trainer._detect_anomaly,
    "Lightning's profiler": lambda one, plain: type(one.trainer.profiler).__name__ == "SimpleProfiler",
    "only training, no file but the configuration and `cleaning.csv`": lambda one, plain: (
        one.trainer.current_epoch == 2
        and {file.name for file in one.folder.iterdir() if file.suffix not in (".yaml", ".json")}
        == {"cleaning.csv"}
    ),
    "one batch of each part, nothing is kept": lambda one, plain: one.steps == 1 and not one.folder.exists(),
    "weights in 64 bits": lambda one, plain: next(one.cli.model.parameters()).dtype == torch.float64,
    "new loaders": lambda one, plain: one.trainer.reload_dataloaders_every_n_epochs == 1,
    "no metrics.csv": lambda one, plain: (
        (plain.folder / "metrics.csv").is_file() and not (one.folder / "metrics.csv").exists()
    ),
    "yours beside ours": lambda one, plain: (
        len(list(Path("mine").rglob("metrics.csv"))) == 1 and (one.folder / "metrics.csv").is_file()
    ),
    "the rate in metrics.csv": lambda one, plain: "lr-Adam" in one.metrics and "lr-Adam" not in plain.metrics,
    "it stops beside ours": lambda one, plain: (
        one.trainer.current_epoch == 2 and one.kinds.count("RunStopping") == 1
    ),
    "on the CPU": lambda one, plain: one.trainer.strategy.root_device.type == "cpu",
    "SGD instead of Adam": lambda one, plain: isinstance(one.trainer.optimizers[0], torch.optim.SGD),
    "a tenth of the rate after each epoch": lambda one, plain: (
        one.trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(3e-5)
    ),
    "the epoch of the least training loss": lambda one, plain: (
        one.best_epoch == one.epoch_of_least("train_loss")
    ),
    "the epoch of the least value, and a warning": lambda one, plain: (
        one.best_epoch == one.epoch_of_least("val_ndcg_10")
        and "as its mode is min" in one.err
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A fit without the option."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("plain"))
        patch.setenv("WANDB_MODE", "disabled")
        Path("c.yaml").write_text(CONFIG)
        write_log()
        cli = main(["fit", "-c", "c.yaml", "--run.root", str(Path("runs").absolute())])
    return Fitted(cli, "weights: ", "")  # what is printed in a fixture of a module cannot be read


def test_there_are_forty_rows():
    assert len(ROWS) >= 40


@pytest.mark.parametrize("option", ROWS)
def test_an_option_does_what_the_page_says(option, plain, capfd):
    kind, text = ROWS[option]
    words = ["fit", "-c", "c.yaml", *shlex.split(option)]
    if kind == "one line":
        with pytest.raises(InputError, match=re.escape(text)) as mistake:
            main(words)
        assert "\n" not in str(mistake.value)
        return
    cli = main(words)
    assert WORKS[text](Fitted(cli, *capfd.readouterr()), plain)
