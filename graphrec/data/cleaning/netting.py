"""Returns taken off the purchases that they undo, as an expression of windows: no row meets another.

Within a group of rows the units lie on a stack. A purchase puts units on it, a return takes the last ones
off; what is left of a purchase is what nothing later takes. So the latest earlier purchase pays first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

LEFT = "units_left"
"""Units of a purchase, or below 0 those of a return, that nothing was set against yet."""
_DIGITS = 6
"""Of a quantity; beyond them sums of weights such as 0.1 kg differ by rounding alone."""


def netted(rows: ir.Table, group: Sequence[str], order: Sequence[str], matched: ir.BooleanValue) -> ir.Table:
    """Set returns against the latest earlier purchases of their group.

    Args:
        rows: Has `LEFT`, above 0 for purchases and below 0 for returns.
        group: Columns that a return and its purchase share.
        order: Columns that put rows in their order; the last of them is different in each row.
        matched: Rows that take part; the others keep what they have.

    Returns:
        The same rows with `LEFT` as it is afterwards.
    """
    import ibis

    mine = rows.mutate(takes_part=matched)
    so_far = ibis.window(group_by=[*group, "takes_part"], order_by=list(order), preceding=None, following=0)
    later = ibis.window(group_by=[*group, "takes_part"], order_by=list(order), preceding=0, following=None)
    before = ibis.window(group_by=[*group, "takes_part"], order_by=list(order))
    mine = mine.mutate(balance=mine[LEFT].sum().over(so_far))
    mine = mine.mutate(unpaid=ibis.least(mine.balance.min().over(so_far), 0))
    mine = mine.mutate(height=mine.balance - mine.unpaid)
    mine = mine.mutate(lowest=mine.height.min().over(later))
    mine = mine.mutate(unpaid_before=mine.unpaid.lag(1).over(before).fill_null(0))
    kept = ibis.greatest(mine.lowest - (mine.height - mine[LEFT]), 0)
    left = ibis.cases(
        (~mine.takes_part, mine[LEFT]),
        (mine[LEFT] > 0, kept),
        else_=mine.unpaid - mine.unpaid_before,
    )
    mine = mine.mutate(**{LEFT: left.round(_DIGITS)})
    return mine.drop("takes_part", "balance", "unpaid", "height", "lowest", "unpaid_before")
