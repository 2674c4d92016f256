"""Tables of many shoppers hold what each would be answered alone."""

from __future__ import annotations

import itertools

from live_parts import ITEMS, KNOWN, Planted, planted

from graphrec.serving.bulk import LISTS, OFFERS, list_table, offer_table, without_rows
from graphrec.serving.live.answers import Filter, Shopper

USERS = [*KNOWN, *(f"stranger {at}" for at in range(150))]


class Bounded(Planted):
    """Planted answers under a price of the budget and a cap."""

    def __init__(self, price: float, cap: int | None) -> None:
        super().__init__()
        self.price, self.cap = price, cap

    def purse(self) -> dict[str, float]:
        return {"budget": 1.0, "price": self.price}

    def bounds(self) -> dict[str, float]:
        return {} if self.cap is None else {"max_offers_per_user": float(self.cap)}


class Sold(Planted):
    """Has nothing left for one shopper, and no price for anything."""

    def candidates(self, shopper, k, only):
        return [] if shopper.user == "007" else super().candidates(shopper, k, only)

    def purse(self):
        return None


def test_lists_are_those_of_one_shopper_at_a_time() -> None:
    model = Planted(turn=3)
    table = list_table(model, USERS, 4)
    assert table.schema == LISTS
    expected = []
    for user in USERS:
        (listing,) = model.recommend([Shopper(user)], 4, Filter())
        expected += [
            (user, one.item, at + 1, one.score, listing.basis) for at, one in enumerate(listing.items)
        ]
    assert [tuple(row.values()) for row in table.to_pylist()] == expected
    assert {row["basis"] for row in table.to_pylist()} == {"model", "popularity"}


def test_offers_bring_most_of_all_choices_under_the_cap() -> None:
    """Every choice of levels is tried: none beats value − price · spend of the table."""
    k = 5
    for price, cap in ((0.0, None), (1.0, None), (1.35, 2), (2.25, 3), (1.0, 0), (9.0, None)):
        table = offer_table(Bounded(price, cap), ["C17"], k)
        assert table.schema == OFFERS
        rows = table.to_pylist()
        assert [row["item_id"] for row in rows] == list(ITEMS[:k])
        levels = [planted(item).levels for item in ITEMS[:k]]
        most = k if cap is None else cap
        best = max(
            sum(one.value - price * one.spend for one in some)
            for some in itertools.product(*levels)
            if sum(one.rate > 0 for one in some) <= most
        )
        assert sum(row["value"] - price * row["spend"] for row in rows) == best
        assert sum(row["rate"] > 0 for row in rows) <= most
        for row, known in zip(rows, levels, strict=True):
            (level,) = [one for one in known if one.rate == row["rate"]]
            assert (row["probability"], row["spend"], row["value"]) == (
                level.probability,
                level.spend,
                level.value,
            )
            told = row["reason"].partition(":")[0]
            assert told == "best_level" if row["rate"] else told in ("user_cap", "budget", "no_level_pays")


def test_one_without_a_row_is_counted_and_none_at_all_keeps_the_columns() -> None:
    table = offer_table(Sold(), ["C17", "007", "x"], 3)
    assert without_rows(table, ["C17", "007", "x"]) == 1
    assert table.column("user_id").to_pylist() == ["C17"] * 3 + ["x"] * 3
    nothing = offer_table(Sold(), ["007"], 3)
    assert nothing.schema == OFFERS
    assert nothing.num_rows == 0
