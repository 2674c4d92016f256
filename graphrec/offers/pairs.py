"""What a decision may know about pairs of users and items."""

from __future__ import annotations

from dataclasses import dataclass

from graphrec.arrays import BoolArray, FloatArray, IntArray
from graphrec.response.curves import Response


@dataclass(frozen=True)
class Pairs:
    """What a decision may know about ``P`` pairs of user and item; every array has shape ``[P]``.

    Args:
        unit_score: Score in [0, 1].
        price: Regular price, money per unit.
        seen: Whether the pair is in the training part.
        response: Response curves.
        user: Code of the user.
        item: Code of the item.
        affinity: Share of its regular value that the user saved so far.
        max_depth: Deepest discount in the item's log; infinite where it is not known.
        worth: What a sold unit is worth to the scenario, in money.
        cooling: Whether the pair was offered too recently.
        stock: Units on hand of the item; infinite where it is not known.
    """

    unit_score: FloatArray
    price: FloatArray
    seen: BoolArray
    response: Response
    user: IntArray
    item: IntArray
    affinity: FloatArray
    max_depth: FloatArray
    worth: FloatArray
    cooling: BoolArray
    stock: FloatArray
