"""fit, validate and test of a response, and the curves that a fitted one gives to offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table

from graphrec.cli.config.locations import read_entries
from graphrec.cli.config.vocabulary import permitted, trusted_modules
from graphrec.cli.experiment.checkpoints.checks import check_split, check_weights
from graphrec.cli.experiment.checkpoints.config import taken
from graphrec.cli.experiment.lightning import GraphRecCLI
from graphrec.cli.experiment.processes import say
from graphrec.cli.experiment.runs.folder import read_checkpoint
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.experiment.tracking.loggers import plain
from graphrec.cli.terminal import console
from graphrec.errors import InputError
from graphrec.evaluation.measures import of_kind
from graphrec.response.data import ResponseData
from graphrec.response.task import ResponseTask

WATCHED = ("val_likelihood", "val_auc")
LOGGED: dict[str, bool | None] = {
    "val_likelihood": True,
    **{f"val_{measure.name}": measure.higher_is_better for measure in of_kind("probability")},
    "train_loss": False,
}


class ResponseCLI(GraphRecCLI):
    """The commands of an experiment whose data is `ResponseData`."""

    def __init__(self, *classes: Any, args: Any, **options: Any) -> None:
        super().__init__(ResponseTask, ResponseData, args=args, **options)

    @property
    def _known(self) -> dict[str, bool | None]:
        return LOGGED

    def _build(self) -> None:
        """Read and check everything that can be wrong; only then the run's folder appears."""
        checkpoint = self._settings.get("ckpt_path")
        content = read_checkpoint(Path(checkpoint)) if checkpoint else None
        if self.subcommand == "predict":
            hint = "use `graphrec offers --response CKPT`"
            raise InputError("a response predicts nothing without offers", hint=hint)
        if self.run_options.monitor not in WATCHED:
            what, hint = (
                f"no metric is called '{self.run_options.monitor}'",
                f"known are {', '.join(WATCHED)}",
            )
            raise InputError(what, column="run.monitor", hint=hint)
        if self.subcommand == "fit":
            self._check_watched()
        if content is not None:
            check_split(content, self.datamodule)
        panel = self.datamodule.panel
        self.model.bind(len(panel.names), panel.group_sizes)
        if content is not None:
            check_weights(content, self.model, Path(checkpoint))
        self.datamodule.report()
        say(f"device: {self.trainer.strategy.root_device}")
        self._begin(content)

    before_validate = before_test = before_predict = _build

    def after_validate(self) -> None:
        """Print the measures."""
        self._print("val")

    def after_test(self) -> None:
        """Print the measures."""
        self._record_tested()
        self._print("test")

    def _print(self, part: str) -> None:
        measured = self.trainer.callback_metrics
        table = Table(title=f"{part}: the response", title_justify="left", box=box.SIMPLE)
        shown = [measure for measure in of_kind("probability") if f"{part}_{measure.name}" in measured]
        for measure in shown:
            table.add_column(measure.title, justify="right")
        table.add_row(*(f"{float(measured[f'{part}_{measure.name}']):.4f}" for measure in shown))
        console().print(table)
        if "monotonicity_violations" in measured:
            print(f"violations of monotonicity: {int(measured['monotonicity_violations'])}")

    def _description(self) -> dict[str, Any]:
        settings, data = self._settings, self.datamodule
        return {
            "run": self.run_options.name,
            "id": self.folder.id,
            "model": self.run_options.name.removeprefix(f"{data.source.name}-"),
            "dataset": data.source.name,
            "seed": settings.get("seed_everything"),
            "split_sha256": data.split.sha256(),
            "features": list(data.panel.names),
            "cli": plain(settings.clone().as_dict()),
        }


def cli_for(args: list[str]) -> type[GraphRecCLI]:
    """Choose the commands that a configuration's data asks for."""
    data = read_entries(args).keys.get("data")
    named = None if data is None else data.keys.get("class_path")
    is_response = named is not None and str(named.value).rpartition(".")[2] == ResponseData.__name__
    return ResponseCLI if is_response else GraphRecCLI


def load_response(checkpoint: Path, trusted: bool = False) -> tuple[ResponseTask, ResponseData]:
    """Rebuild the model and the data of a response's checkpoint; the data computes its rows when asked.

    Args:
        checkpoint: The file.
        trusted: Whether it may name code that is not graphrec's.

    Raises:
        InputError: If the file is no checkpoint of a response.
    """
    try:
        content = read_checkpoint(checkpoint)
    except InputError as error:
        hint = "give best.ckpt of a run whose data is ResponseData"
        raise InputError("this is no checkpoint", file=checkpoint, column="--response", hint=hint) from error
    config = taken(content, checkpoint, trusted)
    if config["data"]["class_path"].rpartition(".")[2] != ResponseData.__name__:
        hint = "give a run of experiments/complete_journey/response.yaml or the like"
        raise InputError("this checkpoint holds no response", file=checkpoint, column="--response", hint=hint)
    with permitted(trusted_modules(config) if trusted else []):
        cli = run_lightning(config, ResponseCLI, run=False)
    task, state = cli.model, content["state_dict"]
    tables = [value for name, value in state.items() if name.startswith("network.effects.")]
    task.bind(len(state["network.centre"]), tuple(len(table) - 1 for table in tables))
    task.load_state_dict(state)
    return task.eval().to(torch.device("cuda" if torch.cuda.is_available() else "cpu")), cli.datamodule
