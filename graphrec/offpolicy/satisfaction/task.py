"""Satisfaction under the commands of trained models: fitted at once, judged on later visits."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor

from graphrec.arrays import FloatArray
from graphrec.data.ledger import rows_lost
from graphrec.errors import InputError, check_above, check_at_least
from graphrec.evaluation.classification import user_intervals
from graphrec.evaluation.probability.calibration import LogisticCurve, log_loss
from graphrec.files import write_parquet, write_text
from graphrec.offpolicy.return_visits import FEATURES
from graphrec.offpolicy.satisfaction.data import SatisfactionData, outcomes
from graphrec.offpolicy.satisfaction.linear import Association, Line, LineKind
from graphrec.results import source_of
from graphrec.training.experiment import Summary
from graphrec.training.probability import ProbabilityTask, probability_measures
from graphrec.training.shown import calibration
from graphrec.training.trial import is_trial

REPLICATES = 200
"""Resamples of the users behind an interval."""


class SatisfactionTask(ProbabilityTask):
    """Fits a line through facts of visits, and says whether saving and satisfaction go together.

    The penalty is chosen and the probabilities are calibrated on the validation visits.

    Args:
        kind: ``logistic`` regression or a linear ``svm``.
        strengths: Inverse penalties to choose among.
        seed: Of the machine's order of rows and of the intervals.

    Raises:
        InputError: If a number is out of its range.
    """

    data_class: ClassVar[type[pl.LightningDataModule]] = SatisfactionData
    noun: ClassVar[str] = "satisfaction"
    foretells_satisfaction: ClassVar[bool] = True
    by_gradient: ClassVar[bool] = False
    logs_only_known: ClassVar[bool] = True
    line: Tensor
    curve: Tensor
    association: Tensor

    def __init__(
        self, kind: LineKind = "logistic", strengths: list[float] | None = None, seed: int = 0
    ) -> None:
        super().__init__()
        check_at_least(0, seed=seed)
        self.strengths = [0.001, 0.01, 0.1, 1.0] if strengths is None else strengths
        if not self.strengths:
            raise InputError("there is no penalty to choose", column="strengths", hint="give some, as [0.1]")
        for strength in self.strengths:
            check_above(0, strengths=strength)
        self.automatic_optimization = False
        self.kind, self.seed, self._is_fitted = kind, seed, False
        self.register_buffer("line", torch.zeros(3, len(FEATURES), dtype=torch.float64))
        self.register_buffer("curve", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("association", torch.zeros(4, dtype=torch.float64))

    @property
    def data(self) -> SatisfactionData:
        """The data module of the trainer."""
        return cast(SatisfactionData, self.trainer.datamodule)  # type: ignore[attr-defined]

    def prepare(
        self, trainer: pl.Trainer, data: SatisfactionData, state: Mapping[str, Tensor] | None
    ) -> None:
        """Fit, or take what a checkpoint holds."""
        if state is None:
            started = time.perf_counter()
            self._fit(data)
            self.fit_seconds = time.perf_counter() - started
        else:
            self.load_state_dict(dict(state))
        self._is_fitted = True

    def configure_model(self) -> None:
        """Fit where no command has done so."""
        if not self._is_fitted:
            self.prepare(self.trainer, self.data, None)

    def fitted(self) -> tuple[Line, Association]:
        """Take the line and what it says of savings."""
        centre, scale, coefficients = self.line.cpu().numpy()
        line = Line(centre, scale, coefficients, LogisticCurve(*self.curve.tolist()))
        return line, Association(*self.association.tolist())

    def check_command(self, command: str) -> None:
        """Raise `InputError` for predict."""
        if command == "predict":
            hint = "run `graphrec test`, which writes the probability of every visit of the test weeks"
            raise InputError("satisfaction is foretold for the visits of the test part alone", hint=hint)

    def described(self, data: SatisfactionData) -> dict[str, Any]:
        """Tell the facts that are read, and what is foretold."""
        return {"features": list(FEATURES), "outcome": data.outcome}

    def cleaning(self, data: SatisfactionData) -> pd.DataFrame:
        """Count what reading left out."""
        return rows_lost(data.source, {})

    def summary(self, part: str, metrics: Mapping[str, Any], data: SatisfactionData) -> Summary:
        """Lay out the measures, and below them what a saving has to do with the outcome."""
        title = f"{part}: {data.outcome}"
        return replace(super().summary(part, metrics, data), title=title, notes=[str(self.fitted()[1])])

    def training_step(self, rows: Tensor, batch_idx: int) -> None:
        """Learn nothing, for nothing is left; the step is counted so that Lightning writes a checkpoint."""
        cast(torch.optim.Optimizer, self.optimizers()).step()

    def configure_optimizers(self) -> None:
        """Make no optimizer."""

    def validation_step(self, rows: Tensor, batch_idx: int) -> None:
        """Leave it to the end, where all visits are judged."""

    def on_validation_epoch_end(self) -> None:
        """Log how good the line is on the visits that it was chosen and calibrated on."""
        visits = self.data.split.val
        self.log_validation(self.fitted()[0].probability(visits), outcomes(visits))

    def test_step(self, rows: Tensor, batch_idx: int) -> None:
        """Leave it to the end, where all visits are judged."""

    def on_test_epoch_end(self) -> None:
        """Log the measures with their intervals over users, and write both with the visits."""
        visits, (line, association) = self.data.split.test, self.fitted()
        probability, happened = line.probability(visits), outcomes(visits)
        flat = {f"test_{name}": one for name, one in probability_measures(probability, happened).items()}
        between = user_intervals(probability, happened, visits["user_id"].to_numpy(), REPLICATES)
        flat |= {f"test_{name}": value for name, value in between.items()}
        self.log_dict(flat)
        if self.trainer.is_global_zero and not is_trial(self.trainer):
            self.shown = {"calibration": calibration(probability, happened)}
            self._write_test(flat, visits.assign(probability=probability), association)

    def _fit(self, data: SatisfactionData) -> None:
        """Choose among the penalties on the validation visits, and see there whether savings matter."""
        split = data.split
        lines = [
            Line.fit(split.train, split.val, self.kind, strength, self.seed) for strength in self.strengths
        ]
        happened = outcomes(split.val)
        best = min(lines, key=lambda line: log_loss(line.probability(split.val), happened))
        found = Association.of(best, split.val, self.seed)
        rows: list[FloatArray] = [best.centre, best.scale, best.coefficients]
        self.line.copy_(torch.tensor([row.tolist() for row in rows], dtype=torch.float64))
        self.curve.copy_(torch.tensor([best.curve.slope, best.curve.intercept], dtype=torch.float64))
        self.association.copy_(torch.tensor(astuple(found), dtype=torch.float64))

    def _write_test(self, flat: dict[str, float], visits: pd.DataFrame, association: Association) -> None:
        """``test_metrics.json`` and ``test_visits.parquet``."""
        folder = Path(self.trainer.default_root_dir)
        known = source_of(self.trainer.ckpt_path, self.data_sha256(self.data))
        names = ("gain", "later", "low", "high")
        told = {f"saving_{name}": value for name, value in zip(names, astuple(association), strict=True)}
        visits.attrs = dict(known)
        write_parquet(visits, folder / "test_visits.parquet")
        content = {**known, **flat, **told, "saving_holds": association.holds}
        write_text(folder / "test_metrics.json", json.dumps(content, indent=1) + "\n")
