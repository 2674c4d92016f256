"""ALS of implicit behind the shell of `graphrec serve`: the same routes, keys, store and limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from fastapi import FastAPI
from implicit.als import AlternatingLeastSquares

from graphrec.data.choice.known import as_text
from graphrec.data.interactions import Columns
from graphrec.serving.data import PackedData
from graphrec.serving.live.answers import Filter, Listed, Listing, Shopper
from graphrec.serving.service.process.worker import application
from graphrec.serving.state.opening import open_store

FACTORS, ROUNDS = 64, 10


class Als:
    """Answers lists of known users by factors; what was posted of them is folded in as implicit does it.

    Args:
        path: An export of graphrec, whose history it is fitted to.
    """

    version, decides_offers = "implicit-als", False

    def __init__(self, path: Path) -> None:
        train = PackedData(str(path)).split.train
        users, items = as_text(train.users).ids, as_text(train.items).ids
        self.users, self.items = ({one: at for at, one in enumerate(ids)} for ids in (users, items))
        self.ids = items
        rows = (train.frame[Columns.USER_CODE].to_numpy(), train.frame[Columns.ITEM_CODE].to_numpy())
        ones = np.ones(len(rows[0]), dtype=np.float32)
        self.bought = sp.csr_matrix((ones, rows), shape=(len(users), len(items)))
        self.als = AlternatingLeastSquares(factors=FACTORS, iterations=ROUNDS, random_state=0, num_threads=1)
        self.als.fit(self.bought, show_progress=False)

    def knows(self, user: str) -> bool:
        """Tell whether training knew somebody."""
        return user in self.users

    def knows_item(self, item: str) -> bool:
        """Tell whether training knew an item."""
        return item in self.items

    def reads(self, kind: str) -> bool:
        """Read purchases alone."""
        return kind == "purchase"

    def names(self, items: Sequence[str]) -> list[str]:
        """Know no names."""
        return list(items)

    def purse(self) -> None:
        """Know no money."""

    def bounds(self) -> dict[str, float]:
        """Know no bounds."""
        return {}

    def stock(self) -> dict[str, float]:
        """Know no stock."""
        return {}

    def recommend(self, shoppers: Sequence[Shopper], k: int, only: Filter) -> list[Listing]:
        """List the best items of each shopper."""
        return [self._listing(shopper, k) for shopper in shoppers]

    def _listing(self, shopper: Shopper, k: int) -> Listing:
        user = self.users.get(shopper.user or "")
        row = self.bought[user] if user is not None else sp.csr_matrix((1, len(self.ids)), dtype=np.float32)
        new = [self.items[event.item] for event in shopper.events if event.item in self.items]
        if new:
            row = row.tolil()
            row[0, new] = 1
            row = row.tocsr()
        found, scores = self.als.recommend(user or 0, row, N=k, recalculate_user=bool(new))
        places = tuple(
            Listed(self.ids[item], float(score)) for item, score in zip(found, scores, strict=True)
        )
        return Listing(places, "history" if new else "model")


def app() -> FastAPI:
    """Make the application."""
    return application(lambda _: Als, open_store)
