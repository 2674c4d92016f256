"""Training a response under Lightning: purchases at the depths that the shelf had."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pandas as pd
import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import TrainerFn
from pytorch_lightning.utilities.types import LRSchedulerConfigType, OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import functional

from graphrec.arrays import FloatArray
from graphrec.data.interactions import Columns
from graphrec.data.ledger import rows_lost
from graphrec.errors import InputError, check_above, check_at_least, check_share
from graphrec.files import write_parquet, write_text
from graphrec.response.data import ResponseData
from graphrec.response.lift import lift_table, monotonicity_violations
from graphrec.response.network import ResponseNetwork
from graphrec.response.outcomes import Outcomes, sigmoid
from graphrec.response.parts import PanelBatch, PanelRows
from graphrec.response.recalibration import Recalibration
from graphrec.response.splines import KNOTS, check_knots, response_shapes
from graphrec.response.visits import WINDOWS
from graphrec.results import source_of
from graphrec.training.divergence import LossTrail, check_epoch, check_step
from graphrec.training.experiment import Summary
from graphrec.training.probability import ProbabilityTask, probability_measures
from graphrec.training.shown import Shown, calibration
from graphrec.training.trial import is_trial

COMPARISONS = 1_000_000
LIFT_ERROR = "lift_error"
"""Standard error of the logarithm of the recalibration's lift; missing in older checkpoints."""


class ResponseTask(ProbabilityTask):
    """Fits a `ResponseNetwork` by the likelihood of the purchases, and recalibrates it after each epoch.

    The loss is cross-entropy, plus a charge on bends of the curves and on the effects of groups (partial
    pooling). At the end of each epoch three numbers of a `Recalibration` are fitted on the validation weeks;
    they are kept in the checkpoint and used in test and prediction.

    Args:
        hidden: Widths of the hidden layers of the base logit.
        slope_hidden: Widths of the hidden layers of the discount's weights.
        knots: Rates between which a curve may bend.
        dropout: Share of hidden values dropped in training.
        learning_rate: Of AdamW, at its highest; it rises and falls over the fit (one cycle).
        weight_decay: Of AdamW, on the perceptrons.
        pooling: Charge on the sum of squared group effects, in purchases.
        curvature: Charge on bends, see `ResponseNetwork.curvature`.

    Raises:
        InputError: If a number is out of its range.
    """

    data_class: ClassVar[type[pl.LightningDataModule]] = ResponseData
    noun: ClassVar[str] = "a response"
    gives_curves: ClassVar[bool] = True
    logs_only_known: ClassVar[bool] = True
    network: ResponseNetwork
    recalibration: Tensor
    lift_error: Tensor

    def __init__(
        self,
        hidden: list[int] | None = None,
        slope_hidden: list[int] | None = None,
        knots: list[float] | None = None,
        dropout: float = 0.0,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-4,
        pooling: float = 2.0,
        curvature: float = 1e-3,
    ) -> None:
        super().__init__()
        check_above(0, learning_rate=learning_rate)
        check_at_least(0, weight_decay=weight_decay, pooling=pooling, curvature=curvature)
        check_share(dropout=dropout)
        for width in hidden or ():
            check_at_least(1, hidden=width)
        for width in slope_hidden or ():
            check_at_least(1, slope_hidden=width)
        self.hidden = [64, 32] if hidden is None else hidden
        self.slope_hidden = [16] if slope_hidden is None else slope_hidden
        self.knots, self.dropout = check_knots(KNOTS if knots is None else knots), dropout
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.pooling, self.curvature = pooling, curvature
        self.register_buffer("recalibration", torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64))
        self.register_buffer(LIFT_ERROR, torch.tensor(torch.nan, dtype=torch.float64))
        self._parts: list[tuple[Tensor, ...]] = []
        self._trail = LossTrail()
        self._fit_started = time.perf_counter()

    @property
    def data(self) -> ResponseData:
        """The data module of the trainer."""
        return cast(ResponseData, self.trainer.datamodule)  # type: ignore[attr-defined]

    def bind(self, num_features: int, group_sizes: tuple[int, ...]) -> None:
        """Build the network, once the number of features and groups is known."""
        self.network = ResponseNetwork(
            num_features, group_sizes, self.hidden, self.slope_hidden, self.knots, self.dropout
        )

    def configure_model(self) -> None:
        """Build once, when the data is known and before a checkpoint is restored."""
        if not hasattr(self, "network"):
            self.bind(len(self.data.panel.names), self.data.panel.group_sizes)

    def prepare(self, trainer: pl.Trainer, data: ResponseData, state: Mapping[str, Tensor] | None) -> None:
        """Build the network for the features and groups of the panel."""
        self.bind(len(data.panel.names), data.panel.group_sizes)

    def fingerprints(self, data: ResponseData, held: Iterable[str]) -> dict[str, str]:
        """Keep the weeks of the parts beside the split: those that follow from the log move when it grows."""
        return super().fingerprints(data, held) | {WINDOWS: data.windows.text}

    def check_command(self, command: str) -> None:
        """Raise `InputError` for predict."""
        if command == "predict":
            hint = "use `graphrec offers --response CKPT`"
            raise InputError("a response predicts nothing without offers", hint=hint)

    def described(self, data: ResponseData) -> dict[str, Any]:
        """List the features that are read."""
        return {"features": list(data.panel.names)}

    def cleaning(self, data: ResponseData) -> pd.DataFrame:
        """Count what reading left out."""
        return rows_lost(data.raw, {})

    def summary(self, part: str, metrics: Mapping[str, Any], data: ResponseData) -> Summary:
        """Lay out the measures, and below them how often a curve falls."""
        falls = metrics.get("monotonicity_violations")
        notes = [] if falls is None else [f"violations of monotonicity: {int(falls)}"]
        return replace(super().summary(part, metrics, data), title=f"{part}: the response", notes=notes)

    def on_fit_start(self) -> None:
        """Learn the scale of the features, unless a checkpoint brought it.

        Raises:
            InputError: If all rows of the training part, or none, were bought.
        """
        self._fit_started, self._trail = time.perf_counter(), LossTrail()
        if self.trainer.current_epoch == 0:
            rows = cast(PanelRows, self.data.train_dataloader().dataset)
            share = float(rows.bought.mean())
            if not 0 < share < 1:
                what = f"{'all' if share else 'none'} of the {len(rows):,} training rows were bought"
                hint = "choose other weeks or pairs, see --data.init_args.visits"
                raise InputError(f"{what}, so there is no response to learn", column="visits", hint=hint)
            self.network.standardise(rows.features.to(self.device), share)

    def on_fit_end(self) -> None:
        """Stop the clock."""
        self.fit_seconds = time.perf_counter() - self._fit_started

    def training_step(self, batch: PanelBatch, batch_idx: int) -> Tensor:
        """Compute the mean loss of a batch of rows."""
        features, groups, rate, bought, importance = batch
        base, weights = self.network.curve_parameters(features, groups)
        logit = base + (weights * response_shapes(rate, self.knots)).sum(-1)
        loss = functional.binary_cross_entropy_with_logits(logit, bought, importance)
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(rate))
        charge = self.pooling * self.network.pooling() / len(self.data.split.train)
        total = loss + charge + self.curvature * self.network.curvature(weights)
        self._trail.add(total.detach(), len(rate))
        check_step(self, total, self._trail, self.learning_rate)
        return total

    def on_train_epoch_end(self) -> None:
        """Check what was trained, before a checkpoint of it is written."""
        check_epoch(self, self._trail, self.learning_rate)
        self._trail.start_epoch()

    def on_validation_epoch_start(self) -> None:
        """Check the same before it is judged."""
        if self.trainer.state.fn == TrainerFn.FITTING:
            check_epoch(self, self._trail, self.learning_rate)

    def validation_step(self, batch: PanelBatch, batch_idx: int) -> None:
        """Collect."""
        self._collect(batch)

    def on_validation_epoch_end(self) -> None:
        """Log how good the response is as it is, then put it right on these weeks."""
        outcomes = self._outcomes()
        increment = outcomes.increment(self.knots)
        self.log_validation(sigmoid(outcomes.base + increment), outcomes.bought > 0)
        known = (outcomes.base, increment, outcomes.bought)
        fitted = Recalibration.fit(*known, outcomes.importance)
        self.recalibration.copy_(torch.tensor([fitted.shift, fitted.base, fitted.lift]))
        people = self.data.split.panel.rows[Columns.USER].iloc[self.data.split.val[: len(increment)]]
        self.lift_error.fill_(fitted.lift_error(*known, pd.factorize(people)[0], outcomes.importance))

    def made_again(self, held: Iterable[str]) -> tuple[str, ...]:
        """Add the error of the lift, which checkpoints did not always keep."""
        names = list(held)
        return (*super().made_again(names), *((LIFT_ERROR,) if LIFT_ERROR not in names else ()))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take a checkpoint that was written before the error of the lift was kept."""
        checkpoint["state_dict"].setdefault(LIFT_ERROR, torch.tensor(torch.nan, dtype=torch.float64))

    def test_step(self, batch: PanelBatch, batch_idx: int) -> None:
        """Collect."""
        self._collect(batch)

    def on_test_epoch_end(self) -> None:
        """Log the measures, count violations of monotonicity, and write both with the lifts and the rows."""
        outcomes = self._outcomes()
        final = Outcomes(*self.calibrated(*outcomes[:2]), outcomes.rate, outcomes.bought)
        probability = final.probability(self.knots)
        measures = probability_measures(probability, outcomes.bought > 0)
        flat = {f"test_{name}": value for name, value in measures.items()}
        flat["monotonicity_violations"] = float(self._violations(final))
        self.log_dict(flat)
        if not is_trial(self.trainer):
            self.shown = {
                "calibration": calibration(probability, outcomes.bought > 0),
                "response_curve": Shown(final.mean_curve(self.knots), "rate", ("probability",)),
                "lifts": Shown(self._write_test(flat, final, probability)),
            }

    def calibrated(self, base: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Recalibrate base logits and weights of curves. Shapes ``[n]`` and ``[n, K]``."""
        shift, slope, lift = self.recalibration.tolist()
        return shift + slope * base, lift * weights

    @torch.no_grad()
    def curves(self, features: Tensor, groups: Tensor) -> tuple[FloatArray, FloatArray]:
        """Compute base logits ``[n]`` and weights ``[n, K]`` of the recalibrated curves of any pairs."""
        self.network.eval()
        parts = zip(torch.split(features, 65536), torch.split(groups, 65536), strict=True)
        found = [self.network.curve_parameters(f.to(self.device), g.to(self.device)) for f, g in parts]
        base, weights = (torch.cat(part).cpu().double().numpy() for part in zip(*found, strict=True))
        return self.calibrated(base, weights)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Separate the perceptrons from the effects of groups, which are charged by `pooling` alone."""
        effects = list(self.network.effects.parameters())
        taken = {id(effect) for effect in effects}
        groups = [{"params": [weight for weight in self.network.parameters() if id(weight) not in taken]}]
        return [*groups, {"params": effects, "weight_decay": 0.0}] if effects else groups

    def schedule(self, optimizer: torch.optim.Optimizer) -> LRSchedulerConfigType:
        """Make one cycle over the fit, up to the rate of the optimizer and down again."""
        steps, rate = int(self.trainer.estimated_stepping_batches), optimizer.param_groups[0]["lr"]
        moving = isinstance(optimizer, torch.optim.AdamW)  # its momentum moves against the rate
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, cycle_momentum=moving)
        return {"scheduler": cycle, "interval": "step"}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Make AdamW, whose rate rises and falls once over the fit."""
        groups = self.parameter_groups()
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, weight_decay=self.weight_decay)
        return {"optimizer": optimizer, "lr_scheduler": self.schedule(optimizer)}

    @torch.no_grad()
    def _collect(self, batch: PanelBatch) -> None:
        features, groups, *of_rows = batch
        self._parts.append((*self.network.curve_parameters(features, groups), *of_rows))

    def _outcomes(self) -> Outcomes:
        """Take what was collected, and start anew."""
        columns = zip(*self._parts, strict=True)
        whole = Outcomes(*(torch.cat(column).cpu().double().numpy() for column in columns))
        self._parts = []
        return whole

    def _violations(self, outcomes: Outcomes) -> int:
        """Count violations among the curves of the test rows."""

        def probability(rate: FloatArray) -> FloatArray:
            return outcomes._replace(rate=rate).probability(self.knots)

        return monotonicity_violations(probability, len(outcomes.rate), COMPARISONS)

    def _write_test(self, flat: dict[str, float], outcomes: Outcomes, chance: FloatArray) -> pd.DataFrame:
        """Write ``test_metrics.json``, ``test_lifts.parquet`` and ``test_rows.parquet``; give the lifts."""
        folder, split = Path(self.trainer.default_root_dir), self.data.split
        source = source_of(self.trainer.ckpt_path, split.sha256())
        rows = split.panel.rows.iloc[split.test[: len(chance)]].reset_index(drop=True)
        lifts = lift_table(rows, chance)
        write_parquet(lifts, folder / "test_lifts.parquet")
        rows = rows.assign(base_logit=outcomes.base, probability=chance)
        rows.attrs = dict(source)
        write_parquet(rows, folder / "test_rows.parquet")
        write_text(folder / "test_metrics.json", json.dumps({**source, **flat}, indent=1) + "\n")
        return lifts
