"""The Lightning data module of a response: who could have bought what, and what was known before."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.cleaning.account import POSITION
from graphrec.data.interactions import Columns, IdMap, RawData
from graphrec.data.ledger import refuse_loss, report_reading
from graphrec.data.module import FixedBatches, training_batches
from graphrec.errors import InputError, check_at_least
from graphrec.models.base import ClosedForm
from graphrec.response.link_scores import link_scores
from graphrec.response.panel import Panel, build_panel
from graphrec.response.panel_files import read_panel, write_panel
from graphrec.response.shelf import JOURNEY, PromotionTable, read_promotions
from graphrec.response.visits import VisitOptions, Visits, find_visits

PanelBatch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Features ``[B, F]``, groups ``[B, G]``, rates ``[B]`` and purchases ``[B]`` of a batch."""

SMALLEST_LINK = 1e-3
FEATURES_EDITION = 2
"""Raised when a feature is computed otherwise, so that no old cache is read."""


class PanelRows(Dataset[PanelBatch]):
    """Rows of a panel; a batch is asked for by its row numbers at once.

    Args:
        panel: All rows.
        numbers: The rows of this part.
    """

    def __init__(self, panel: Panel, numbers: IntArray) -> None:
        self.features = torch.from_numpy(panel.features[numbers])
        self.groups = torch.from_numpy(panel.groups[numbers])
        rows = panel.rows.iloc[numbers]
        self.rate = torch.tensor(rows["rate"].to_numpy(), dtype=torch.float32)
        self.bought = torch.tensor(rows["bought"].to_numpy(), dtype=torch.float32)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rate)

    def __getitem__(self, rows: Tensor) -> PanelBatch:
        """Take the rows asked for."""
        return self.features[rows], self.groups[rows], self.rate[rows], self.bought[rows]


@dataclass(frozen=True)
class ResponseSplit:
    """Row numbers of the three parts of a panel, by weeks."""

    panel: Panel
    train: IntArray
    val: IntArray
    test: IntArray

    def sha256(self) -> str:
        """Compute a fingerprint of the rows of each part and of what was bought in them."""
        digest = hashlib.sha256()
        for part in (self.train, self.val, self.test):
            rows = self.panel.rows.iloc[part][[Columns.USER, Columns.ITEM, Columns.WEEK, "bought", "rate"]]
            digest.update(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes())
        return digest.hexdigest()


class ResponseData(pl.LightningDataModule):
    """Rows of (user, item, week | visit) with the shelf's depth, cut by weeks.

    Args:
        source: The log, with ``regular_price`` and ``shelf_price``, for example
            ``graphrec.data.sources.complete_journey``.
        visits: Which pairs and weeks make the rows; its ``last_week`` ends the test part.
        train_end: Last week of the training part.
        val_end: Last week of the validation part, on which the epoch is chosen and the response recalibrated.
        promotions: ``complete_journey`` for display and mailer of that package, or a CSV or Parquet file with
            ``item_id``, ``week``, ``display`` and ``mailer``; only promoted items make rows then.
        promotion_columns: Our name → the name in that file, for those that differ.
        promotion_delimiter: Of that file, if it is text; by its suffix if missing.
        promotion_encoding: Of that file, if it is text; UTF-8 if missing.
        groups: Columns of the items to pool over, the finest first; ``item_id`` is one as well.
        link: Recommender whose score of each pair, on graphs of earlier weeks, becomes a feature.
        link_every: Weeks between two graphs.
        rolling: See `build_panel`.
        without: Features whose names start with one of these are left out.
        cache: Folder that keeps the features between runs; null for none.
        batch_size: Training rows per step.
        refit: Not supported here; there is no epoch to choose without validation.
        strict: Refuse to leave out a row of the log; ``--strict`` on the command line.

    Raises:
        InputError: If the weeks are out of order.
    """

    def __init__(
        self,
        source: RawData,
        visits: VisitOptions | None = None,
        train_end: int = 40,
        val_end: int = 44,
        promotions: str | None = None,
        promotion_columns: dict[str, str | None] | None = None,
        promotion_delimiter: str | None = None,
        promotion_encoding: str | None = None,
        groups: list[str] | None = None,
        link: ClosedForm | None = None,
        link_every: int = 4,
        rolling: bool = True,
        without: list[str] | None = None,
        cache: str | None = None,
        batch_size: int = 4096,
        refit: bool = False,
        strict: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(1, batch_size=batch_size)
        self.options, self.train_end, self.val_end = visits or VisitOptions(), train_end, val_end
        if not self.options.history_end < train_end < val_end < self.options.last_week:
            hint = "history_end < train_end < val_end < last_week is needed"
            raise InputError("the weeks are out of order", column="train_end", hint=hint)
        if refit:
            raise InputError("a response cannot be refitted", column="refit", hint="leave it out")
        _check_log(source)
        self.source, self.groups = source, list(groups or [])
        if len(set(self.groups)) < len(self.groups):
            raise InputError("a group is named twice", column="groups", hint="name each once")
        format_of = (promotion_columns, promotion_delimiter, promotion_encoding)
        self.promotions = None if promotions is None else PromotionTable(promotions, *format_of)
        if any(format_of) and promotions in (None, JOURNEY):
            hint = "give promotions a file, or leave them out"
            what = "promotion_columns, promotion_delimiter and promotion_encoding are of no file"
            raise InputError(what, column="promotions", hint=hint)
        self.link, self.link_every, self.rolling = link, link_every, rolling
        self.without, self.cache, self.batch_size = tuple(without or ()), cache, batch_size
        self.strict = strict

    @cached_property
    def split(self) -> ResponseSplit:
        """Row numbers of the three parts.

        Raises:
            InputError: If one of them is empty.
        """
        week = self.panel.rows[Columns.WEEK].to_numpy()
        after_train, after_val = week > self.train_end, week > self.val_end
        parts = (~after_train, after_train & ~after_val, after_val)
        for name, part in zip(("training", "validation", "test"), parts, strict=True):
            if not part.any():
                what, hint = f"no pair could be bought in the {name} weeks", "choose other bounds or visits"
                raise InputError(what, column="train_end", hint=hint)
        return ResponseSplit(self.panel, *(np.flatnonzero(part) for part in parts))

    @cached_property
    def panel(self) -> Panel:
        """All rows with the features that are wanted."""
        whole = self._whole_panel()
        wanted = [
            place for place, name in enumerate(whole.names) if not name.startswith(self.without or "\0")
        ]
        for left_out in self.without:
            if not any(name.startswith(left_out) for name in whole.names):
                hint = f"known are {', '.join(whole.names)}"
                raise InputError(f"no feature begins with {left_out!r}", column="without", hint=hint)
        names = tuple(whole.names[place] for place in wanted)
        return Panel(whole.rows, whole.features[:, wanted], names, whole.groups, whole.group_sizes)

    def report(self) -> None:
        """Print what became of the rows; commands call it once nothing is wrong."""
        report_reading(self.source)

    def promotions_of(self, items: IdMap) -> pd.DataFrame | None:
        """Read display and mailer of some items."""
        if self.promotions is None:
            return None
        return read_promotions(self.promotions, items, self.source.log[Columns.ITEM].unique())

    def _whole_panel(self) -> Panel:
        if self.strict:
            refuse_loss(self.source)
        path = None if self.cache is None else Path(self.cache) / f"{self.source.name}-{self._key()}.parquet"
        if path is not None and path.is_file():
            return read_panel(path)
        visits = find_visits(self.source.log, self.options)
        promotions = self.promotions_of(visits.items)
        if promotions is not None:
            visits = find_visits(self.source.log, self.options, IdMap.from_values(promotions[Columns.ITEM]))
        panel = build_panel(self.source, visits, promotions, self.groups, self.rolling)
        if self.link is not None:
            links = log_links(self.source.log, visits, self.link, self.link_every)[visits.rows]
            panel = panel.with_features(["link_score"], links[:, None].astype(np.float32))
        if path is not None:
            write_panel(panel, path)
        return panel

    def _key(self) -> str:
        """Name the cached features by everything they depend on."""
        columns = [name for name in self.source.log.columns if name not in POSITION]
        digest = hashlib.sha256(pd.util.hash_pandas_object(self.source.log[columns]).to_numpy().tobytes())
        groups = [name for name in self.groups if name != Columns.ITEM]
        if groups and self.source.items is not None and set(groups) <= set(self.source.items):
            items = self.source.items[[Columns.ITEM, *groups]]
            digest.update(pd.util.hash_pandas_object(items).to_numpy().tobytes())
        content = None if self.promotions is None else self.promotions.sha256()
        settings: list[Any] = [asdict(self.options), self.promotions, content, self.groups, self.rolling]
        settings.append(self.link_every)
        digest.update(repr((FEATURES_EDITION, settings, _settings(self.link))).encode())
        return digest.hexdigest()[:16]

    def train_dataloader(self) -> DataLoader[PanelBatch]:
        """Draw batches of training rows, in an order that depends on the seed and the epoch."""
        rows = PanelRows(self.panel, self.split.train)
        sampler = training_batches(len(rows), self.batch_size, self.trainer)
        return DataLoader(rows, batch_size=None, sampler=sampler)

    def val_dataloader(self) -> DataLoader[PanelBatch]:
        """Make batches of validation rows, in their order."""
        return self._in_order(self.split.val)

    def test_dataloader(self) -> DataLoader[PanelBatch]:
        """Make batches of test rows, in their order."""
        return self._in_order(self.split.test)

    def _in_order(self, numbers: IntArray) -> DataLoader[PanelBatch]:
        batches = FixedBatches(torch.split(torch.arange(len(numbers)), 8 * self.batch_size))
        return DataLoader(PanelRows(self.panel, numbers), batch_size=None, sampler=batches)


def _check_log(source: RawData) -> None:
    """Raise `InputError` for rows that would be trained on or passed over without a word."""
    log, file = source.log, source.file or source.name
    if Columns.PART in log:
        hint = "give one log without test_path; train_end and val_end cut it"
        raise InputError("a response is cut by weeks, and this log names its parts", file=file, hint=hint)
    if Columns.WEEK in log and int(log[Columns.WEEK].min()) < 1:
        hint = "number the weeks from 1"
        raise InputError("a response counts weeks from 1", file=file, column=Columns.WEEK, hint=hint)


def log_links(log: pd.DataFrame, visits: Visits, link: ClosedForm, every: int) -> FloatArray:
    """Compute logarithms of the link scores, which are skewed. Shape ``[P, W]``."""
    return np.asarray(np.log(np.maximum(link_scores(log, visits, link, every), SMALLEST_LINK)))


def _settings(link: ClosedForm | None) -> list[str]:
    """Write what was chosen for a recommender as text."""
    if link is None:
        return []
    response = getattr(link, "response", None)
    parts = {**_plain(link), **({} if response is None else _plain(response))}
    return [type(link).__name__, type(response).__name__, *(f"{k}={v}" for k, v in sorted(parts.items()))]


def _plain(owner: object) -> dict[str, object]:
    return {key: value for key, value in vars(owner).items() if isinstance(value, int | float | str | None)}
