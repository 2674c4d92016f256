"""The Lightning data module of redemptions: pairs of campaigns with what was known before each of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from graphrec.coupons.campaigns import (
    CAMPAIGN,
    CampaignSplit,
    CouponData,
    candidates,
    rolling_origins,
    split_campaigns,
)
from graphrec.coupons.redemption import NOT_FEATURES, redemption_table
from graphrec.data.module import FixedBatches, RowNumbers
from graphrec.errors import InputError, check_at_least
from graphrec.files import write_parquet
from graphrec.notices import note

KEYS = ("campaign_id", "user", "coupon", "redeemed")
"""What a row is: a pair of a campaign, and what became of it."""
FEATURES_EDITION = 1
"""Raised when a feature is computed otherwise, so that no old cache is read."""


@dataclass(frozen=True)
class RedemptionSplit:
    """Campaigns by part.

    Args:
        source: All tables.
        test: What is trained on in the end, and what is tested.
        origins: Campaigns to validate on, each with those that a model of before its start is trained on.
    """

    source: CouponData
    test: CampaignSplit
    origins: tuple[CampaignSplit, ...] = field(default=())

    @property
    def validated(self) -> tuple[int, ...]:
        """Campaigns of the validation part, in the order of their rows."""
        return tuple(campaign for origin in self.origins for campaign in origin.test)

    def sha256(self) -> str:
        """Compute the fingerprint of the pairs of each part and of which were redeemed."""
        digest = hashlib.sha256()
        for part in (self.test.train, self.validated, self.test.test):
            for campaign in part:
                pairs = candidates(self.source, campaign)
                digest.update(pd.util.hash_pandas_object(pairs, index=False).to_numpy().tobytes())
            digest.update(b"|")
        return digest.hexdigest()


class RedemptionData(pl.LightningDataModule):
    """Pairs of a user and a coupon, cut by campaigns: later ones are judged by models of earlier ones.

    Args:
        source: The tables, for example ``graphrec.coupons.campaigns.complete_journey_coupons``.
        day: Campaigns that end before it are trained on, those that start on it or later are tested.
        validation: Campaigns of before that day to validate on, each by a model of those that ended before it
            started (rolling origin); none if missing.
        rank: Eigenvectors of the item graph behind the link scores.
        without: Features whose names start with one of these are left out.
        cache: Folder that keeps the features of each campaign between runs; null for none.
        batch_size: Pairs at a time in validation and test.

    Raises:
        InputError: If an argument is out of its range.
    """

    def __init__(
        self,
        source: CouponData,
        day: str = "2017-10-01",
        validation: list[int] | None = None,
        rank: int = 64,
        without: list[str] | None = None,
        cache: str | None = None,
        batch_size: int = 65536,
    ) -> None:
        super().__init__()
        check_at_least(1, rank=rank, batch_size=batch_size)
        try:
            self.day = pd.Timestamp(day)
        except ValueError as error:
            raise InputError(f"{day!r} is no day", column="day", hint="write it as 2017-10-01") from error
        self.source, self.judged, self.rank = source, tuple(validation or ()), rank
        self.without, self.cache, self.batch_size = tuple(without or ()), cache, batch_size
        self._tables: dict[int, pd.DataFrame] = {}

    @cached_property
    def split(self) -> RedemptionSplit:
        """Campaigns of the three parts.

        Raises:
            InputError: If a part is empty, or a campaign cannot be validated on.
        """
        source = self.source
        test = split_campaigns(source.campaigns, self.day, source.first_day, source.last_day)
        if unknown := sorted(set(self.judged) - set(test.train)):
            what = f"campaign {unknown[0]} does not end before {self.day.date()}"
            hint = f"choose of {', '.join(map(str, test.train))}"
            raise InputError(what, column="validation", hint=hint)
        known = source.campaigns[source.campaigns[CAMPAIGN].isin(test.train)]
        origins = rolling_origins(known, self.judged) if self.judged else ()
        return RedemptionSplit(source, test, origins)

    def table(self, campaigns: tuple[int, ...]) -> pd.DataFrame:
        """Collect the pairs of some campaigns with their features, one campaign below the other."""
        return pd.concat([self._campaign(one) for one in campaigns], ignore_index=True)

    @property
    def columns(self) -> list[str]:
        """The features that are used.

        Raises:
            InputError: If one that is left out does not exist.
        """
        first = self._campaign(self.split.test.train[0])
        names = [name for name in first.columns if name not in NOT_FEATURES]
        for left_out in self.without:
            if not any(name.startswith(left_out) for name in names):
                hint = f"known are {', '.join(names[:8])} and so on"
                raise InputError(f"no feature begins with {left_out!r}", column="without", hint=hint)
        return [name for name in names if not name.startswith(self.without or "\0")]

    def report(self) -> None:
        """Print how many pairs there are; commands call it once nothing is wrong."""
        split = self.split
        parts = (("train", split.test.train), ("validation", split.validated), ("test", split.test.test))
        said = (f"{name} {len(part)} campaigns" for name, part in parts)
        note(f"{self.source.name}: {', '.join(said)}")

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Make one batch: the task is fitted at once."""
        return self._numbers(1)

    def val_dataloader(self) -> DataLoader[Tensor] | list[Tensor]:
        """Make batches of row numbers of the validation part; none without such campaigns."""
        return self._numbers(len(self.table(self.split.validated))) if self.judged else []

    def test_dataloader(self) -> DataLoader[Tensor]:
        """Make batches of row numbers of the test part."""
        return self._numbers(len(self.table(self.split.test.test)))

    def _numbers(self, count: int) -> DataLoader[Tensor]:
        batches = FixedBatches(torch.split(torch.arange(count), self.batch_size))
        return DataLoader(RowNumbers(count), batch_size=None, sampler=batches)

    def _campaign(self, campaign: int) -> pd.DataFrame:
        """Find the pairs of a campaign, in memory or in the cache if they are there."""
        if campaign not in self._tables:
            file = None if self.cache is None else Path(self.cache) / f"{campaign}-{self._key}.parquet"
            if file is not None and file.is_file():
                self._tables[campaign] = pd.read_parquet(file)
            else:
                self._tables[campaign] = redemption_table(self.source, (campaign,), self.rank)
                if file is not None:  # an interrupted run goes on where it stopped
                    write_parquet(self._tables[campaign], file)
        return self._tables[campaign]

    @cached_property
    def _key(self) -> str:
        """Name of the cached features: everything they depend on."""
        digest = hashlib.sha256(repr((FEATURES_EDITION, self.rank)).encode())
        for frame in self.source.frames():
            digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
        return digest.hexdigest()[:16]
