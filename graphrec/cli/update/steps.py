"""An update from beginning to end, in steps of which each is done once however often it is killed."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stderr
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.cli.config.vocabulary import permitted_by
from graphrec.cli.experiment.loading import as_ranker, load_on, load_run
from graphrec.cli.experiment.runs.folder import RunFolder
from graphrec.cli.experiment.runs.locks import locked
from graphrec.cli.experiment.runs.progress import Progress
from graphrec.cli.experiment.start import run_lightning
from graphrec.cli.offers.curves.calibration import of_loaded
from graphrec.cli.update.drift import calibration_of, report
from graphrec.cli.update.fitting import fit_before_gate, fit_on_all, learnt_by
from graphrec.cli.update.log import Growth, check_gate, check_new, growth_of
from graphrec.cli.update.request import RECORD, Asked, record_of
from graphrec.data.kept import each_read_once
from graphrec.errors import InputError
from graphrec.files import sha256_of, write_text
from graphrec.offers.limits.facts_in_force import said_weeks
from graphrec.serving.renewal.gate import AsServed, Verdict, judge

if TYPE_CHECKING:
    from graphrec.data.interactions import RawData
    from graphrec.data.module import RecommenderData
    from graphrec.offers.candidates.calibration import Calibration
    from graphrec.training import RankedTask

UPDATES = "updates"
"""Folder inside a run of what is under way."""


def done_before(asked: Asked) -> Path | None:
    """Find the folder of a run, or of a closed gate, that answers the same question already."""
    own = record_of(asked.folder.path)
    if own.get("asked") == asked.said():  # the newest run of the name is the update itself
        return asked.folder.path
    for folder in (*_siblings(asked), asked.folder.path / UPDATES / asked.key()):
        found = record_of(folder)
        if found.get("key") == asked.key() and (found["opens"] is False or _is_whole(folder)):
            return folder
    return None


def _siblings(asked: Asked) -> list[Path]:
    own = asked.folder.path.absolute()
    return sorted(own.parent.glob(f"{base_id(own.name)}-update-*"))


def base_id(own: str) -> str:
    """Take the end ``-update-0001`` off the id of a run."""
    begin, found, number = own.rpartition("-update-")
    return begin if found and number.isdigit() else own


def _is_whole(folder: Path) -> bool:
    progress = Progress.of(RunFolder(folder).refit.path)
    return progress is not None and progress.finished is not None


def update(asked: Asked) -> Path:
    """Fit, judge and, if the gate opens, fit on all weeks.

    Returns:
        The folder of the new run, or of the record of a gate that stayed closed.

    Raises:
        InputError: If the new log cannot be used, or another process is at it.
    """
    check_new(asked.old_paths, asked.new_paths)
    with locked(asked.folder.path / UPDATES, "update"), each_read_once():
        return _Work(asked).done()


class _Work:
    """What is done in one process; what another one did before it was killed is taken up.

    Args:
        asked: The options.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked, self.name = asked, asked.folder.path.absolute().parent.name
        self.place = asked.folder.path / UPDATES / asked.key()
        self.own_id = f"update-{asked.key()}"  # which names it in W&B, too
        self.staged = RunFolder(self.place / self.name / self.own_id)

    def done(self) -> Path:
        """Do what is left to do, and say where the result is."""
        asked, staged = self.asked, self.staged
        if not _is_finished(staged):
            shutil.rmtree(self.place, ignore_errors=True)
        found, data = load_on(asked.checkpoint, asked.content, asked.old_config(), asked.trusted)
        task = as_ranker(found, asked.checkpoint)
        before = learnt_by(task, data)
        growth = growth_of(data.source, data.split, self._grown(), asked.new_paths)
        check_gate(growth, asked.gate_weeks)
        fit_before_gate(self._config(growth.last), staged, before, asked.trusted)
        try:
            record = record_of(self.place) or self._judged(task, data, growth)
        except InputError:  # nothing to go on with
            shutil.rmtree(self.place, ignore_errors=True)
            raise
        if not record["opens"]:
            shutil.rmtree(self.place / self.name, ignore_errors=True)
            return self.place
        fit_on_all(staged, before, self._calibrated, asked.trusted)
        return self._moved()

    def _config(self, last_week: int) -> dict[str, Any]:
        return self.asked.grown_config(last_week, self.name, self.own_id, self.place)

    def _grown(self) -> RawData:
        """Read the grown log; its split is not known yet."""
        config = self._config(self.asked.gate_weeks)
        kept = ("seed_everything", "model", "data")
        trained: dict[str, Any] = {key: config[key] for key in kept if key in config}
        with permitted_by(config, trusted=self.asked.trusted), redirect_stderr(io.StringIO()):
            source: RawData = run_lightning(trained, run=False).datamodule.source
        return source

    @cached_property
    def _fitted(self) -> tuple[RankedTask, RecommenderData]:
        """Load what was fitted before the gate; its log was told of."""
        with redirect_stderr(io.StringIO()):
            return load_run(self.staged.checkpoints / "best.ckpt", trusted=self.asked.trusted)

    def _calibrated(self) -> Calibration | None:
        return of_loaded(*self._fitted, self.staged.checkpoints / "best.ckpt")

    def _judged(self, task: RankedTask, data: RecommenderData, growth: Growth) -> dict[str, Any]:
        """Compare with what serves, report the drift, and write both down."""
        asked, (renewed, grown) = self.asked, self._fitted
        served, split, graph = learnt_by(task, data), grown.split, renewed.recommender.graph
        old = AsServed(served, graph, split.users, split.items).eval()
        weeks = said_weeks(range(growth.last - asked.gate_weeks + 1, growth.last + 1))
        verdict = judge(renewed.recommender, old, split.val, grown.eval_batch_size, weeks)
        calibration = calibration_of(asked.checkpoint, task, data)
        drift = report(served, calibration, grown, growth, asked.new_paths)
        record = self._record(growth, verdict, drift.numbers())
        self.place.mkdir(parents=True, exist_ok=True)
        for file, table in drift.tables().items():
            write_text(self.place / file, table.to_csv(index=False))
        write_text(self.place / RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        return record

    def _record(self, growth: Growth, verdict: Verdict, drift: dict[str, Any]) -> dict[str, Any]:
        asked = self.asked
        return {
            "of": asked.folder.path.name,
            "checkpoint_sha256": sha256_of(asked.checkpoint),
            "key": asked.key(),
            "asked": asked.said(),
            "full_epochs": asked.full_epochs,
            "most_epochs": asked.most_epochs,
            "log": {"files": asked.new_paths, **asdict(growth), "said": growth.line},
            "opens": verdict.opens,
            "gate": {**asdict(verdict), "said": str(verdict)},
            "drift": drift,
        }

    def _moved(self) -> Path:
        """Put record and tables into the run, and the run beside the one that it follows."""
        for file in sorted(self.place.glob("*.csv")):
            shutil.copy2(file, self.staged.path / file.name)
        shutil.copy2(self.place / RECORD, self.staged.path / RECORD)
        target = _next_folder(self.asked.folder.path.absolute())
        self.staged.path.rename(target)
        shutil.rmtree(self.place, ignore_errors=True)
        return self.asked.folder.path.parent / target.name


def _next_folder(base: Path) -> Path:
    """Find the first number that is free behind the id of a run."""
    own = base_id(base.name)
    taken = [one.name.rpartition("-")[2] for one in base.parent.glob(f"{own}-update-*")]
    number = max((int(one) for one in taken if one.isdigit()), default=0) + 1
    return base.with_name(f"{own}-update-{number:04d}")


def _is_finished(folder: RunFolder) -> bool:
    progress = Progress.of(folder.path)
    return progress is not None and progress.finished is not None
