"""The rows of experiments/README.md that a command makes from scratch: experiments/reproduce.yaml."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from graphrec.cli.configs import check_configs
from graphrec.cli.entries import read_yaml
from graphrec.errors import InputError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
ROWS = "reproduce.yaml"
Protocol = Literal["honest", "paper"]
"""Whether settings were chosen on validation, or are a paper's, whose authors chose them on the test part."""


@dataclass(frozen=True)
class Reproduction:
    """One row: what to run and what should come out.

    Args:
        name: What the command calls it.
        file: The experiment; its folder is named after the data set.
        protocol: How settings and epochs were chosen.
        epochs: Fit so many on train and validation at once; None lets validation choose.
        recall_20: Recall@20 to expect of the first item set.
        ndcg_20: NDCG@20 to expect of the first item set.
        tolerance: How far off both may be.
        minutes: Time on two cores.
        trials: Settings that were tried on the validation part.
    """

    name: str
    file: Path
    protocol: Protocol
    epochs: int | None = None
    recall_20: float | None = None
    ndcg_20: float | None = None
    tolerance: float = 0.0005
    minutes: float | None = None
    trials: int = 0

    @property
    def dataset(self) -> str:
        """The data set, which is the folder of the experiment."""
        return self.file.parent.name

    @cached_property
    def config(self) -> dict[str, Any]:
        """The experiment's configuration, with the files that it names.

        Raises:
            InputError: If it is missing or no YAML mapping.
        """
        check_configs(["--config", str(self.file)])
        content: dict[str, Any] = read_yaml(self.file).plain()
        return content

    @property
    def run_name(self) -> str:
        """What the run's folder is called."""
        return str(self.config["run"]["name"])

    @property
    def data_folder(self) -> str | None:
        """Where the configuration looks for the data; None if they come with a package."""
        source = self.config["data"]["init_args"]["source"]
        path = source.get("init_args", {}).get("path")
        return None if path is None else str(path)

    @property
    def model(self) -> str:
        """Name of the recommender or encoder, and of what it is built around: ``Spectral ChebyCF``."""
        arguments = self.config["model"]["init_args"]
        part = arguments.get("recommender") or arguments.get("encoder")
        names = [part["class_path"]]
        if isinstance(response := part.get("init_args", {}).get("response"), dict):
            names.append(response["class_path"])
        return " ".join(name.rpartition(".")[2] for name in names)


def read_rows(folder: Path = EXPERIMENTS) -> dict[str, Reproduction]:
    """The rows by name, in the order of the file.

    Args:
        folder: Holds ``reproduce.yaml`` and the experiments.

    Raises:
        InputError: If the file is missing or a row has a wrong key or value.
    """
    file = folder / ROWS
    if not file.is_file():
        raise InputError(
            "the experiments are not installed", file=file, mend="run from a clone of the project"
        )
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {name: _row(name, values, file) for name, values in content.items()}


def _row(name: str, values: dict[str, Any], file: Path) -> Reproduction:
    known = [field.name for field in dataclasses.fields(Reproduction) if field.name not in ("name", "file")]
    for key in values:
        if key not in ("config", *known):
            close = difflib.get_close_matches(key, known, n=1)
            mend = f"did you mean '{close[0]}'?" if close else f"known are config, {', '.join(known)}"
            raise InputError(f"{name} has an unknown key", file=file, column=key, mend=mend)
    if values.get("protocol") not in get_args(Protocol):
        mend = f"write {' or '.join(get_args(Protocol))}"
        raise InputError(f"{name} does not say how it was chosen", file=file, column="protocol", mend=mend)
    if "config" not in values:
        raise InputError(f"{name} names no experiment", file=file, column="config", mend="name its YAML file")
    rest = {key: value for key, value in values.items() if key != "config"}
    return Reproduction(name, file.parent / values["config"], **rest)


def find_row(rows: dict[str, Reproduction], name: str) -> Reproduction:
    """The row of a name.

    Raises:
        InputError: If there is none; names the nearest ones.
    """
    if name not in rows:
        close = difflib.get_close_matches(name, rows, n=3, cutoff=0.4)
        mend = f"did you mean {' or '.join(close)}?" if close else "see `graphrec reproduce --list`"
        raise InputError(f"there is no reproduction '{name}'", mend=mend)
    return rows[name]
