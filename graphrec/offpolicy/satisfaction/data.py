"""The Lightning data module of satisfaction: visits of earlier weeks to learn from, later ones to judge."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns, RawData
from graphrec.data.ledger import refuse_loss, report_reading
from graphrec.data.module import FixedBatches, RowNumbers
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offpolicy.return_visits import (
    FEATURES,
    HORIZON,
    LABEL,
    SATISFIED,
    label_returns,
    weekly_visits,
)
from graphrec.offpolicy.satisfaction.survey import SurveyTable, answered

TRAINING, VALIDATION = 32 / 52, 40 / 52
"""Where the parts end, in shares of the weeks."""
KNOWN_WEEKS = 4
"""First weeks of a log, of whose visits nothing is known yet."""
ROWS_AT_A_TIME = 65_536


@dataclass(frozen=True)
class VisitParts:
    """Visits of the three parts, with ``user_id``, ``week``, the features and ``satisfied``.

    Args:
        train: To learn from.
        val: To choose the strength of the penalty, to calibrate, and to see whether an association holds.
        test: To judge.
    """

    train: pd.DataFrame
    val: pd.DataFrame
    test: pd.DataFrame

    def sha256(self) -> str:
        """Compute a fingerprint of the visits of each part, their features and their outcomes."""
        digest = hashlib.sha256()
        for part in (self.train, self.val, self.test):
            digest.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
        return digest.hexdigest()


class SatisfactionData(pl.LightningDataModule):
    """Visits, each a user's week with a purchase, cut by weeks.

    Satisfied is whoever returns within four weeks (a proxy, see `graphrec.offpolicy.return_model`), or who
    says so in a survey. Between the parts lie four weeks, over which the proxy looks ahead.

    Args:
        source: The log, with weeks, quantities, and prices before (``regular_price``) and after (``price``)
            all discounts.
        train_end: Last week to learn from; 32 of 52 if missing, in the weeks of the log.
        val_end: Last week of the validation part; 40 of 52 if missing.
        last_week: Last week of the log that is complete; its last if missing.
        survey: Table of answers, in the place of the proxy.
        strict: Refuse to leave out a row of the log; ``--strict`` on the command line.

    Raises:
        InputError: If the weeks are out of order, or a column is missing.
    """

    def __init__(
        self,
        source: RawData,
        train_end: int | None = None,
        val_end: int | None = None,
        last_week: int | None = None,
        survey: SurveyTable | None = None,
        strict: bool = False,
    ) -> None:
        super().__init__()
        if Columns.WEEK not in source.log:
            raise InputError("visits need weeks", column=Columns.WEEK, hint="map it in `columns`")
        first = int(source.log[Columns.WEEK].min())
        last = int(source.log[Columns.WEEK].max()) if last_week is None else last_week
        train, val = (first - 1 + math.ceil((last - first + 1) * share) for share in (TRAINING, VALIDATION))
        self.train_end = train if train_end is None else train_end
        self.val_end = val if val_end is None else val_end
        self.first_week, self.last_week = first + KNOWN_WEEKS, last
        gap = 0 if survey else HORIZON
        if not self.first_week <= self.train_end < self.val_end - gap < last - 2 * gap:
            ends = f"{self.train_end}, {self.val_end} and {last}"
            hint = f"each part needs a week, and {gap} weeks between them; the ends are {ends}"
            raise InputError("the weeks are out of order", column="train_end", hint=hint)
        self.source, self.survey, self.strict, self._gap = source, survey, strict, gap

    @property
    def outcome(self) -> str:
        """What is foretold, in words."""
        return "satisfied by the survey" if self.survey else LABEL

    @cached_property
    def split(self) -> VisitParts:
        """Visits of the three parts.

        Raises:
            InputError: If one of them holds only one outcome.
        """
        if self.strict:
            refuse_loss(self.source)
        log = self.source.log[self.source.log[Columns.WEEK] <= self.last_week]
        visits = weekly_visits(log)
        if self.survey is not None:
            visits = answered(visits, self.survey)
        else:
            visits = label_returns(visits, self.last_week).rename(columns={LABEL: SATISFIED})
        visits = visits[[Columns.USER, Columns.WEEK, *FEATURES, SATISFIED]]
        week, after = visits[Columns.WEEK], max(self._gap, 1)
        bounds = {
            "training": (self.first_week, self.train_end),
            "validation": (self.train_end + after, self.val_end),
            "test": (self.val_end + after, self.last_week),
        }
        parts = {name: visits[week.between(*ends)].reset_index(drop=True) for name, ends in bounds.items()}
        for name, part in parts.items():
            if part[SATISFIED].nunique() < 2:
                what = f"the {len(part):,} {name} visits hold only one outcome"
                raise InputError(what, column="train_end", hint="choose other weeks, or bring a longer log")
        return VisitParts(*parts.values())

    def report(self) -> None:
        """Print what became of the rows, and what is foretold; commands call it once nothing is wrong."""
        report_reading(self.source)
        split = self.split
        sizes = (
            f"{len(split.train):,} to learn from, {len(split.val):,} to validate, {len(split.test):,} to test"
        )
        note(f"visits: {sizes}; foretold is {self.outcome}")

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Make one batch: the task is fitted at once."""
        return _numbers(1)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Make batches of row numbers of the validation part."""
        return _numbers(len(self.split.val))

    def test_dataloader(self) -> DataLoader[Tensor]:
        """Make batches of row numbers of the test part."""
        return _numbers(len(self.split.test))


def facts(visits: pd.DataFrame) -> FloatArray:
    """Take the features of visits, in their order. Shape ``[V, F]``."""
    return visits[list(FEATURES)].to_numpy(dtype=np.float64)


def outcomes(visits: pd.DataFrame) -> BoolArray:
    """Take whether each was satisfied. Shape ``[V]``."""
    return visits[SATISFIED].to_numpy(dtype=np.bool_)


def _numbers(count: int) -> DataLoader[Tensor]:
    batches = FixedBatches(torch.split(torch.arange(count), ROWS_AT_A_TIME))
    return DataLoader(RowNumbers(count), batch_size=None, sampler=batches)
