"""What offers are chosen from: the model, the catalogue, its prices, and who may be offered what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from graphrec.arrays import BoolArray, FloatArray
from graphrec.data.interactions import Columns, IdMap
from graphrec.data.splits import Split
from graphrec.errors import InputError
from graphrec.notices import note
from graphrec.offers.candidates.eligibility import NEAR_SHARE, Eligibility, eligibility, everybody
from graphrec.offers.candidates.overstock import expected_units, overstocked
from graphrec.offers.candidates.prices import regular_prices
from graphrec.offers.candidates.user_embedding import user_embedding
from graphrec.offers.decided_week import Decided
from graphrec.offers.limits.item_facts import margins
from graphrec.serving.newcomers import Catalogue

if TYPE_CHECKING:
    from graphrec.cli.offers.request import Request
    from graphrec.data.module import RecommenderData
    from graphrec.models.base import Recommender
    from graphrec.training import RankedTask


@dataclass(frozen=True)
class Shelf:
    """What candidates are taken from.

    Args:
        fitted: The fitted model, from whose scores probabilities are learnt.
        recommender: Ranks the catalogue: the same, or with items behind it that were never sold.
        split: With a training part in the codes of the catalogue.
        table: Attributes of the items.
        rule: Who may be offered what by the scenario's rule, from which probabilities are learnt; all if
            missing.
        eligible: The same within the shop's lists; all if missing.
        prices: Regular prices that the log does not know, by ``item_id``.
    """

    fitted: Recommender
    recommender: Recommender
    split: Split
    table: pd.DataFrame | None
    rule: Eligibility | None = None
    eligible: Eligibility | None = None
    prices: pd.Series[Any] | None = None

    @classmethod
    def plain(cls, task: RankedTask, data: RecommenderData) -> Shelf:
        """Take all items for all users."""
        return cls(task.recommender, task.recommender, data.split, data.source.items)

    @classmethod
    def of(cls, request: Request, task: RankedTask, data: RecommenderData, week: Decided) -> Shelf:
        """Choose what the scenario is for.

        Args:
            request: The options, joined with the data.
            task: The ranker.
            data: Its data.
            week: The weeks that are decided for.

        Raises:
            InputError: If nothing is left, or the log lacks what the scenario asks for.
        """
        plain, aim, lists = cls.plain(task, data), request.scenario, request.lists
        if aim.launch is not None:
            return _launched(request, plain, data)
        rule = chosen_by_rule(request, task, data)
        eligible = everybody(data.split.train) if rule is None and lists.tables else rule
        if eligible is not None:
            eligible = lists.narrowed(eligible, data.split.users, data.split.items, aim.rule)
        if aim.overstock is not None:
            over = _overstock(request, data, week)
            eligible = eligible or everybody(data.split.train)
            eligible = replace(eligible, items=eligible.items & over)
            if not eligible.items.any():
                what = "no item of the scenario has more stock than it is expected to sell"
                raise InputError(what, column="overstock", hint="lower the factor, or leave it out")
        return replace(plain, rule=rule, eligible=eligible)


def chosen_by_rule(request: Request, task: RankedTask, data: RecommenderData) -> Eligibility | None:
    """Find whom and what the rule of the scenario chooses; None for everything."""
    rule = request.scenario.rule
    if rule == "promotion":
        return None
    user = user_embedding(task.recommender, data.split.train) if rule == "launch" else None
    assumed = request.economics.margin
    margin = assumed if request.costs is None else _item_margins(request, request.costs, data)
    return eligibility(rule, data.split.train, data.source.items, user, margin, request.risk)


def _item_margins(request: Request, costs: pd.DataFrame, data: RecommenderData) -> FloatArray:
    """Find the margin of each item of the log: of what the shop tells, or as it is assumed. Shape ``[I]``."""
    price = regular_prices(data.split.train.frame).reindex(data.split.items.ids)
    frame = pd.DataFrame({"price": price.to_numpy()}, index=price.index.astype("str"))
    return margins(frame.join(costs), request.economics)


def _overstock(request: Request, data: RecommenderData, week: Decided) -> BoolArray:
    """Mark the items that hold more than they are expected to sell. Shape ``[I]``."""
    log = data.source.log
    log = log if data.weights is None else data.weights.bought_in(log)
    items, factor = data.split.items, request.scenario.overstock or 1.0
    weeks = week.horizon or 1
    expected = expected_units(log, items, week.week, weeks)
    return overstocked(request.stock, expected, items, factor, weeks)


def _launched(request: Request, plain: Shelf, data: RecommenderData) -> Shelf:
    """Put items on the shelf that were never sold, and choose them alone.

    Raises:
        InputError: If the model cannot score them, or they have no price.
    """
    file, new = request.lists.paths["launch"], request.lists.tables["launch"]
    if Columns.PRICE not in new.frame:
        hint = "add a column price in money, or map one: columns: {price: ...}"
        raise InputError("what was never sold needs a price", file=file, column=Columns.PRICE, hint=hint)
    price = pd.to_numeric(new.frame[Columns.PRICE], errors="coerce")
    wrong = np.flatnonzero((new.frame[Columns.PRICE].notna() & ~(price > 0)).to_numpy())
    if len(wrong):
        where, row = new.rows.place(int(wrong[0]))
        what = f"{new.frame[Columns.PRICE].iloc[wrong[0]]!r} is no price above 0"
        raise InputError(what, file=where, row=row, column=Columns.PRICE, hint="give money, as 3.50")
    catalogue = Catalogue.of(plain.recommender, data, new, file, "launch")
    items, train = catalogue.items, data.split.train
    longer = replace(data.split, train=replace(train, items=items))
    marks = np.arange(len(items)) >= catalogue.known
    eligible = Eligibility(marks, np.ones(len(train.users), dtype=np.bool_))
    if request.scenario.rule == "launch":
        eligible = _near(eligible, catalogue)
    note("what was never sold is as likely to be bought as what the user has not bought and scores alike")
    known = _texts_as(items, pd.Series(price.to_numpy(), new.frame[Columns.ITEM].astype("str")))
    eligible = request.lists.narrowed(eligible, train.users, items, request.scenario.rule)
    return Shelf(plain.fitted, catalogue.model, longer, catalogue.table, None, eligible, known)


def _texts_as(items: IdMap, prices: pd.Series[Any]) -> pd.Series[Any]:
    """Write the index as the ids of a catalogue."""
    return prices.reindex(pd.Index(items.ids).astype("str")).set_axis(pd.Index(items.ids)).dropna()


@torch.no_grad()
def _near(eligible: Eligibility, catalogue: Catalogue) -> Eligibility:
    """Keep, for each new item, the fifth of the users that score highest on it."""
    columns = np.flatnonzero(eligible.items)
    codes = torch.arange(len(eligible.users), device=catalogue.model.graph.edge_user.device)
    place = torch.as_tensor(columns, device=codes.device)
    batches = torch.split(codes, 4096)
    parts = [catalogue.model.score(batch)[:, place].cpu() for batch in batches]
    score = torch.cat(parts).double().numpy()
    least = np.quantile(score, 1.0 - NEAR_SHARE, axis=0)
    return replace(eligible, near=score >= least, near_items=columns.astype(np.int64))
