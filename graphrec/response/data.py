"""The Lightning data module of a response: who could have bought what, and what was known before."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from graphrec.arrays import FloatArray, IntArray
from graphrec.data.interactions import Columns, IdMap, RawData
from graphrec.data.ledger import refuse_loss, report_reading
from graphrec.data.module import FixedBatches, training_batches
from graphrec.errors import InputError, check_at_least
from graphrec.models.base import ClosedForm
from graphrec.notices import note
from graphrec.response.link_scores import link_scores
from graphrec.response.panel import Asked, Panel, build_panel
from graphrec.response.panel_files import cache_key, read_panel, write_panel
from graphrec.response.parts import PanelBatch, PanelRows, ResponseSplit
from graphrec.response.personal.offers import OfferTable, Personal, read_offers
from graphrec.response.personal.prices import PricesVary, check_prices, without_offers
from graphrec.response.personal.weights import offer_weights
from graphrec.response.shelf import JOURNEY, PromotionTable, read_promotions
from graphrec.response.visits import VisitOptions, Visits, Windows, find_visits

SMALLEST_LINK = 1e-3


class ResponseData(pl.LightningDataModule):
    """Rows of (user, item, week | visit) with the discount that was met, cut by weeks.

    The discount is the shelf's, joined with the personal one where a table of `offers` is given. Every week
    of a pair is a row then. Where the weeks of the parts are not given, they are shares of the log's weeks.

    Args:
        source: The log, with ``regular_price`` and ``shelf_price``, for example
            ``graphrec.data.sources.complete_journey``.
        visits: Which pairs and weeks make the rows; its ``last_week`` ends the test part.
        train_end: Last week of the training part; 40 of 52 if missing, in the weeks of the log.
        val_end: Last week of the validation part, on which the epoch is chosen and the response recalibrated;
            44 of 52 if missing.
        offers: Table of personal offers by user, item and week; see `OfferTable`.
        prices_vary: ``refuse`` a log in which buyers of an item pay several prices in one week and no table
            of offers says why; or ``accept`` it, as for stores that differ, and take the median.
        people: Columns of the table of users that are features, as ``[income, age]``. They decide on
            discounts then, so name none that must not.
        promotions: ``complete_journey`` for display and mailer of that package, or a CSV or Parquet file with
            ``item_id``, ``week``, ``display`` and ``mailer``; only promoted items make rows then.
        promotion_columns: Our name → the name in that file, for those that differ.
        promotion_delimiter: Of that file, if it is text; by its suffix if missing.
        promotion_encoding: Of that file, if it is text; UTF-8 if missing.
        groups: Columns of the items to pool over, the finest first; ``item_id`` is one as well, and
            ``user_id`` gives each user a response of its own.
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
        train_end: int | None = None,
        val_end: int | None = None,
        promotions: str | None = None,
        promotion_columns: dict[str, str | None] | None = None,
        promotion_delimiter: str | None = None,
        promotion_encoding: str | None = None,
        offers: OfferTable | None = None,
        prices_vary: PricesVary = "refuse",
        people: list[str] | None = None,
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
        _check_log(source)
        self.windows = Windows.of(source.log, visits or VisitOptions(), train_end, val_end)
        self.train_end, self.val_end = self.windows.train_end, self.windows.val_end
        ends = (self.windows.history_end, self.train_end, self.val_end, self.windows.last_week)
        if not all(end < later for end, later in pairwise(ends)):
            found = ", ".join(map(str, ends))
            hint = f"history_end < train_end < val_end < last_week is needed, and they are {found}"
            raise InputError("the weeks are out of order", column="train_end", hint=hint)
        if refit:
            raise InputError("a response cannot be refitted", column="refit", hint="leave it out")
        self.raw, self.offer_table, self.prices_vary = source, offers, prices_vary
        self.asked = Asked(tuple(groups or ()), tuple(people or ()))
        for what, names in (("group", self.asked.groups), ("attribute", self.asked.people)):
            if len(set(names)) < len(names):
                column = "groups" if what == "group" else "people"
                raise InputError(f"a {what} is named twice", column=column, hint="name each once")
        format_of = (promotion_columns, promotion_delimiter, promotion_encoding)
        self.promotions = None if promotions is None else PromotionTable(promotions, *format_of)
        if any(format_of) and promotions in (None, JOURNEY):
            hint = "give promotions a file, or leave them out"
            what = "promotion_columns, promotion_delimiter and promotion_encoding are of no file"
            raise InputError(what, column="promotions", hint=hint)
        self.link, self.link_every, self.rolling = link, link_every, rolling
        self.without, self.cache, self.batch_size = tuple(without or ()), cache, batch_size
        self.strict = strict
        self._weighed: dict[str, PanelRows] = {}

    @cached_property
    def offers(self) -> pd.DataFrame | None:
        """Personal offers of the past, joined with the log; None without a table of them."""
        return None if self.offer_table is None else read_offers(self.offer_table, self.raw.log)

    @cached_property
    def source(self) -> RawData:
        """The log with the shelf prices that everybody saw.

        Raises:
            InputError: If there are none, because prices vary from buyer to buyer.
        """
        raw = self.raw
        if self.offers is not None:
            raw = replace(raw, log=without_offers(raw.log, self.offers))
        check_prices(raw.log, raw.file or raw.name, self.offers is not None, self.prices_vary)
        return raw

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

    def keep(self, windows: Windows) -> None:
        """Take the windows of a fit, so that a log that has grown since then moves none of them.

        A log that ends before them is another one, and has its own.
        """
        if int(self.raw.log[Columns.WEEK].max()) >= windows.last_week:
            self.windows, self.train_end, self.val_end = windows, windows.train_end, windows.val_end

    def report(self) -> None:
        """Print what became of the rows; commands call it once nothing is wrong."""
        report_reading(self.raw)

    def promotions_of(self, items: IdMap) -> pd.DataFrame | None:
        """Read display and mailer of some items."""
        if self.promotions is None:
            return None
        return read_promotions(self.promotions, items, self.source.log[Columns.ITEM].unique())

    def _whole_panel(self) -> Panel:
        if self.strict:
            refuse_loss(self.raw)
        path = None if self.cache is None else Path(self.cache) / f"{self.source.name}-{self._key()}.parquet"
        if path is not None and path.is_file():
            return read_panel(path)
        visits, promotions = self._visits
        personal = None if self.offers is None else Personal.of(self.offers, visits)
        panel = build_panel(self.source, visits, promotions, self.asked, self.rolling, personal)
        if self.link is not None:
            links = log_links(self.source.log, visits, self.link, self.link_every)[visits.rows]
            panel = panel.with_features(["link_score"], links[:, None].astype(np.float32))
        if path is not None:
            write_panel(panel, path)
        return panel

    @property
    def pairs(self) -> pd.DataFrame:
        """Pairs that make the rows: ``user_id`` and ``item_id``."""
        return self._visits[0].pairs

    @cached_property
    def _visits(self) -> tuple[Visits, pd.DataFrame | None]:
        """Find the pairs and weeks, and the promotions that limit them."""
        log, offers = self.source.log, self.offers
        visits = find_visits(log, self.windows, offered=offers)
        promotions = self.promotions_of(visits.items)
        if promotions is None:
            return visits, None
        promoted = IdMap.from_values(promotions[Columns.ITEM])
        return find_visits(log, self.windows, promoted, offers), promotions

    def _key(self) -> str:
        """Name the cached features by everything they depend on."""
        content = None if self.promotions is None else self.promotions.sha256()
        settings: list[Any] = [asdict(self.windows), self.promotions, content, self.rolling, self.link_every]
        settings.append(None if self.offer_table is None else self.offer_table.settings())
        return cache_key(self.source, self.asked, self.link, settings)

    def importance(self, numbers: IntArray) -> FloatArray | None:
        """Weigh the rows of a part by the inverse of the chance of their offers; None without offers."""
        if self.offer_table is None:
            return None
        panel = self.panel
        rows = panel.rows.iloc[numbers]
        user = pd.factorize(rows[Columns.USER])[0].astype(np.int64)
        rate, chance = (rows[name].to_numpy(dtype=np.float64) for name in ("personal", "propensity"))
        found = offer_weights(panel.features[numbers], user, rate, chance, self.offer_table.max_weight)
        if numbers is self.split.train:
            note(str(found))
        return found.weight

    def train_dataloader(self) -> DataLoader[PanelBatch]:
        """Draw batches of training rows, in an order that depends on the seed and the epoch."""
        rows = self._rows("train")
        sampler = training_batches(len(rows), self.batch_size, self.trainer)
        return DataLoader(rows, batch_size=None, sampler=sampler)

    def val_dataloader(self) -> DataLoader[PanelBatch]:
        """Make batches of validation rows, in their order."""
        return self._in_order(self._rows("val"))

    def test_dataloader(self) -> DataLoader[PanelBatch]:
        """Make batches of test rows, in their order."""
        return self._in_order(PanelRows(self.panel, self.split.test))

    def _rows(self, part: str) -> PanelRows:
        """Take a part with the importance of its rows, which is found once."""
        if part not in self._weighed:
            numbers = getattr(self.split, part)
            self._weighed[part] = PanelRows(self.panel, numbers, self.importance(numbers))
        return self._weighed[part]

    def _in_order(self, rows: PanelRows) -> DataLoader[PanelBatch]:
        batches = FixedBatches(torch.split(torch.arange(len(rows)), 8 * self.batch_size))
        return DataLoader(rows, batch_size=None, sampler=batches)


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
