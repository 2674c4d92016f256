"""What one offer costs and earns, per pair of user and item."""

from __future__ import annotations

from dataclasses import dataclass

from graphrec.arrays import FloatArray
from graphrec.errors import InputError


def percent(share: float) -> str:
    """Write a share as people read it: 0.07654 becomes '7.654 %'."""
    return f"{100.0 * share:.4g} %"


class Money:
    """What a purchase brings and a discount costs; all methods broadcast and return money.

    A purchase is one unit at regular price P with cost c = (1 - margin) P. Of a discount d the retailer pays
    the share phi = funded_share, the supplier the rest.
    """

    margin: float | FloatArray
    funded_share: float | FloatArray

    def each_level(self) -> Money:
        """Make it broadcast over levels ``[P, R]``."""
        return self

    def net_price(self, price: FloatArray, rate: FloatArray) -> FloatArray:
        """Compute what the retailer receives per unit, supplier's share included: ``P (1 - phi d)``."""
        return price * (1.0 - self.funded_share * rate)

    def revenue(self, probability: FloatArray, price: FloatArray, rate: FloatArray) -> FloatArray:
        """Compute the expected revenue ``p(d) P (1 - phi d)``."""
        return probability * self.net_price(price, rate)

    def profit(self, probability: FloatArray, price: FloatArray, rate: FloatArray) -> FloatArray:
        """Compute the expected profit ``p(d) [P (1 - phi d) - c]``."""
        return probability * (self.net_price(price, rate) - (1.0 - self.margin) * price)

    def spend(self, probability: FloatArray, price: FloatArray, rate: FloatArray) -> FloatArray:
        """Compute the retailer's expected cost of the discount, ``phi d P p(d)``: the budget counts this."""
        return probability * price * (self.funded_share * rate)


@dataclass(frozen=True)
class Economics(Money):
    """Margin and funding that are assumed, since a log of purchases holds no costs.

    Args:
        margin: Share of the regular price that is left over cost, in (0, 1).
        funded_share: Share of a discount that the retailer pays, in [0, 1]. At 1 and a margin of 30 %, no
            discount pays unless the elasticity exceeds 1 / margin = 3.3.
    """

    margin: float = 0.30
    funded_share: float = 0.5

    def __post_init__(self) -> None:
        """Check both shares.

        Raises:
            InputError: If one is outside its range.
        """
        if not 0.0 < self.margin < 1.0:
            raise InputError(
                f"{self.margin} is not between 0 and 1", column="margin", hint="give a share, as 0.3"
            )
        if not 0.0 <= self.funded_share <= 1.0:
            hint = "give the retailer's share of a discount, as 0.5"
            raise InputError(f"{self.funded_share} is not in 0..1", column="funded_share", hint=hint)


@dataclass(frozen=True)
class PairEconomics(Money):
    """Margin and funding of each pair: what the shop knows of the item, or what is assumed.

    Args:
        margin: Share of the regular price that is left over cost, below 1; negative where the cost is above
            the price. Shape ``[P]``, or ``[P, 1]`` over levels.
        funded_share: Share of a discount that the retailer pays. Shape as `margin`.
    """

    margin: FloatArray
    funded_share: FloatArray

    def each_level(self) -> PairEconomics:
        """Make it broadcast over levels ``[P, R]``."""
        return PairEconomics(self.margin[:, None], self.funded_share[:, None])
