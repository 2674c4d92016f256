"""Redemption under the commands of trained models: fitted at once, judged on later campaigns."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor

from graphrec.arrays import BoolArray, FloatArray
from graphrec.coupons.campaigns import CampaignSplit
from graphrec.coupons.data import KEYS, RedemptionData
from graphrec.coupons.redemption import RedemptionEnsemble
from graphrec.errors import InputError, check_above, check_at_least, check_share
from graphrec.evaluation.classification import user_intervals
from graphrec.files import write_parquet, write_text
from graphrec.results import source_of
from graphrec.training.probability import ProbabilityTask, probability_measures
from graphrec.training.shown import calibration
from graphrec.training.trial import is_trial

REPLICATES = 200
"""Resamples of the users behind an interval."""


class RedemptionTask(ProbabilityTask):
    """Fits a `RedemptionEnsemble` to campaigns and gives the probability that a coupon is redeemed.

    A checkpoint holds the log-odds of the pairs that are validated and tested on, not the trees: those are
    of another library, and are fitted again from the same data and seed where new pairs are to be scored.

    Args:
        members: Trees are boosted this often, with seeds that follow on one another.
        trees: Rounds of boosting.
        learning_rate: Shrinkage of each.
        leaves: Of each tree.
        idle_share: Share of the pairs without a purchase or a redemption that a member sees.
        monotone: Whether what can only help may only raise the log-odds of a tree.
        regression_share: Weight of the regression in the mean; 0 leaves the trees alone.
        strength: Inverse of the penalty of the regression.
        seed: Of the first member.

    Raises:
        InputError: If a number is out of its range.
    """

    data_class: ClassVar[type[pl.LightningDataModule]] = RedemptionData
    noun: ClassVar[str] = "redemptions"
    by_gradient: ClassVar[bool] = False
    logs_only_known: ClassVar[bool] = True
    val_log_odds: Tensor
    test_log_odds: Tensor

    def __init__(
        self,
        members: int = 5,
        trees: int = 200,
        learning_rate: float = 0.04,
        leaves: int = 6,
        idle_share: float = 0.1,
        monotone: bool = True,
        regression_share: float = 0.5,
        strength: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_at_least(1, members=members, trees=trees)
        check_at_least(2, leaves=leaves)
        check_at_least(0, seed=seed)
        check_above(0, learning_rate=learning_rate, idle_share=idle_share, strength=strength)
        check_share(regression_share=regression_share)
        self.automatic_optimization = False
        self.members, self.trees, self.learning_rate, self.leaves = members, trees, learning_rate, leaves
        self.idle_share, self.monotone, self.regression_share = idle_share, monotone, regression_share
        self.strength, self.seed = strength, seed
        self._is_fitted = False
        for part in ("val", "test"):
            self.register_buffer(f"{part}_log_odds", torch.empty(0, dtype=torch.float64))

    def ensemble(self, columns: list[str]) -> RedemptionEnsemble:
        """Make the model with these settings, not fitted yet.

        Args:
            columns: Features to use.
        """
        names = ("members", "trees", "learning_rate", "leaves", "idle_share", "monotone")
        more = ("regression_share", "strength", "seed")
        return RedemptionEnsemble(columns, **{name: getattr(self, name) for name in (*names, *more)})

    def fitted(self, data: RedemptionData, campaigns: tuple[int, ...]) -> RedemptionEnsemble:
        """Fit the model to some campaigns."""
        return self.ensemble(data.columns).fit(data.table(campaigns))

    def prepare(self, trainer: pl.Trainer, data: RedemptionData, state: Mapping[str, Tensor] | None) -> None:
        """Fit once for each origin and once for the test, or take what a checkpoint holds."""
        if state is not None:
            self.val_log_odds, self.test_log_odds = state["val_log_odds"], state["test_log_odds"]
        else:
            self._fit(data)
        self._is_fitted = True

    def configure_model(self) -> None:
        """Fit where no command has done so."""
        if not self._is_fitted:
            self.prepare(self.trainer, self.data, None)

    @property
    def data(self) -> RedemptionData:
        """The data module of the trainer."""
        return cast(RedemptionData, self.trainer.datamodule)  # type: ignore[attr-defined]

    def check_command(self, command: str) -> None:
        """Raise `InputError` for predict."""
        if command == "predict":
            hint = "run `graphrec test`, which writes the probability of every pair of the test campaigns"
            raise InputError("redemptions are predicted for the campaigns of the test part alone", hint=hint)

    def check_data(self, command: str, data: RedemptionData) -> None:
        """Raise `InputError` if there is no campaign to validate on."""
        if command in ("fit", "validate") and not data.judged:
            hint = "name some in --data.init_args.validation"
            raise InputError("no campaign is to be validated on", column="validation", hint=hint)

    def described(self, data: RedemptionData) -> dict[str, Any]:
        """List the features that are read."""
        return {"features": data.columns}

    def training_step(self, rows: Tensor, batch_idx: int) -> None:
        """Learn nothing, for nothing is left; the step is counted so that Lightning writes a checkpoint."""
        cast(torch.optim.Optimizer, self.optimizers()).step()

    def configure_optimizers(self) -> None:
        """Make no optimizer."""

    def validation_step(self, rows: Tensor, batch_idx: int) -> None:
        """Leave it to the end, where all pairs are judged."""

    def on_validation_epoch_end(self) -> None:
        """Log how good the models of the origins are on the campaigns that followed them."""
        happened = self._redeemed(self.data.split.validated)
        self.log_validation(_sigmoid(self.val_log_odds), happened)

    def test_step(self, rows: Tensor, batch_idx: int) -> None:
        """Leave it to the end, where all pairs are judged."""

    def on_test_epoch_end(self) -> None:
        """Log the measures with their intervals over users, and write both with the pairs."""
        pairs = self.data.table(self.data.split.test.test)[[*KEYS]]
        probability, happened = _sigmoid(self.test_log_odds), pairs["redeemed"].to_numpy()
        flat = {f"test_{name}": one for name, one in probability_measures(probability, happened).items()}
        if 0 < happened.sum() < len(happened):
            between = user_intervals(probability, happened, pairs["user"].to_numpy(), REPLICATES)
            flat |= {f"test_{name}": value for name, value in between.items()}
        self.log_dict(flat)
        if self.trainer.is_global_zero and not is_trial(self.trainer):
            self.shown = {"calibration": calibration(probability, happened)}
            self._write_test(flat, pairs.assign(probability=probability))

    def _fit(self, data: RedemptionData) -> None:
        started, split = time.perf_counter(), data.split
        found = [self._log_odds(data, origin) for origin in split.origins]
        self.val_log_odds = torch.from_numpy(np.concatenate(found)) if found else self.val_log_odds
        self.test_log_odds = torch.from_numpy(self._log_odds(data, split.test))
        self.fit_seconds = time.perf_counter() - started

    def _log_odds(self, data: RedemptionData, split: CampaignSplit) -> FloatArray:
        return self.fitted(data, split.train).log_odds(data.table(split.test))

    def _redeemed(self, campaigns: tuple[int, ...]) -> BoolArray:
        return np.asarray(self.data.table(campaigns)["redeemed"].to_numpy(), dtype=np.bool_)

    def _write_test(self, flat: dict[str, float], pairs: pd.DataFrame) -> None:
        """``test_metrics.json`` and ``test_pairs.parquet``, with the ids of the tables."""
        folder, source = Path(self.trainer.default_root_dir), self.data.source
        known = source_of(self.trainer.ckpt_path, self.data_sha256(self.data))
        rows = pairs.assign(
            user=source.users_map.ids[pairs["user"].to_numpy()],
            coupon=source.coupons_map.ids[pairs["coupon"].to_numpy()],
        ).rename(columns={"user": "user_id", "coupon": "coupon_id"})
        rows.attrs = dict(known)
        write_parquet(rows, folder / "test_pairs.parquet")
        write_text(folder / "test_metrics.json", json.dumps({**known, **flat}, indent=1) + "\n")


def _sigmoid(logit: Tensor) -> FloatArray:
    return np.asarray(torch.sigmoid(logit).cpu().numpy(), dtype=np.float64)
