"""What `graphrec reproduce` makes from scratch: an experiment, a fusion of several, a script."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from graphrec.cli.config.files import check_configs
from graphrec.cli.config.locations import read_yaml
from graphrec.errors import InputError
from graphrec.evaluation.measures import metric_title

Protocol = Literal["honest", "paper"]
"""Whether settings were chosen on validation, or are a paper's, whose authors chose them on the test part."""


JUDGED = {metric: metric_title(metric) for metric in ("recall_20", "ndcg_20")}
"""The metrics that a ranked row says what to expect of, with their titles."""


@dataclass(frozen=True)
class Experiment:
    """A shipped configuration; its folder is named after the data set.

    Args:
        file: The YAML file.
    """

    file: Path

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


@dataclass(frozen=True)
class Reproduction:
    """One model: which experiment to run and what should come out.

    Args:
        name: What the command calls it.
        experiment: What is fitted.
        protocol: How settings and epochs were chosen.
        epochs: Fit so many on train and validation at once; None lets validation choose.
        recall_20: Recall@20 to expect of the first item set.
        ndcg_20: NDCG@20 to expect of the first item set.
        tolerance: How far off both may be.
        minutes: Time on two cores.
        trials: Settings that were tried on the validation part.
    """

    name: str
    experiment: Experiment
    protocol: Protocol
    epochs: int | None = None
    recall_20: float | None = None
    ndcg_20: float | None = None
    tolerance: float = 0.0005
    minutes: float | None = None
    trials: int = 0

    @property
    def members(self) -> tuple[Experiment, ...]:
        """What is fitted: one experiment."""
        return (self.experiment,)

    @property
    def dataset(self) -> str:
        """The data set."""
        return self.experiment.dataset

    @property
    def data_folder(self) -> str | None:
        """Where the experiment looks for the data; None if they come with a package."""
        return self.experiment.data_folder

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.experiment.model

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what comes out, but for epochs, seed and data."""
        return self.experiment.config


@dataclass(frozen=True)
class FusionReproduction:
    """Several models of one data set, weighed on validation.

    Args:
        name: What the command calls it.
        members: What is fitted and fused; validation chooses the epochs of each.
        protocol: How settings were chosen.
        combine: What is summed: standardised scores or reciprocal ranks.
        gate: Whether weights that depend on a user's habits are tried.
        items: Items whose validation NDCG is maximised; the first item set of the data if None.
        recall_20: Recall@20 to expect of the first item set.
        ndcg_20: NDCG@20 to expect of the first item set.
        tolerance: How far off both may be.
        minutes: Time on two cores.
        trials: Settings that were tried on the validation part, of all members together.
    """

    name: str
    members: tuple[Experiment, ...]
    protocol: Protocol
    combine: Literal["score", "rank"] = "score"
    gate: bool = False
    items: Literal["all", "repeat", "new"] | None = None
    recall_20: float | None = None
    ndcg_20: float | None = None
    tolerance: float = 0.0005
    minutes: float | None = None
    trials: int = 0

    @property
    def dataset(self) -> str:
        """The data set of all members."""
        return self.members[0].dataset

    @property
    def data_folder(self) -> str | None:
        """Where the members look for the data; None if they come with a package."""
        return self.members[0].data_folder

    @property
    def model(self) -> str:
        """Names of the members."""
        return "Fusion of " + " + ".join(member.model for member in self.members)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what comes out, but for seed and data.

        Raises:
            InputError: If a member has other data or another split than the first.
        """
        check_one_split(self.members)
        how = {"combine": self.combine, "gate": self.gate, "items": self.items}
        return {**how, "config": [member.config for member in self.members]}


@dataclass(frozen=True)
class Study:
    """A script that measures something else than a ranking, and the bounds its figures should keep.

    Args:
        name: What the command calls it.
        script: The Python file.
        expected: Figures of its ``metrics.json`` with the value to expect.
        at_least: Figures with their lower bound.
        at_most: Figures with their upper bound.
        tolerance: How far off an expected value may be.
        minutes: Time on two cores.
    """

    name: str
    script: Path
    expected: dict[str, float] = field(default_factory=dict)
    at_least: dict[str, float] = field(default_factory=dict)
    at_most: dict[str, float] = field(default_factory=dict)
    tolerance: float = 0.0005
    minutes: float | None = None


Ranked: TypeAlias = Reproduction | FusionReproduction
Row: TypeAlias = Ranked | Study


def check_one_split(members: Iterable[Experiment]) -> None:
    """Raise `InputError` unless all members name the same data and the same split of it."""
    first, *others = members
    ours = first.config["data"]["init_args"]
    for other in others:
        theirs = other.config["data"]["init_args"]
        for key in ("source", "split"):
            if theirs.get(key) != ours.get(key):
                what = f"has another {key} than {first.file.name}, so the two cannot be fused"
                raise InputError(what, file=other.file, column=key, hint="give both the same data.yaml")
