"""The items with the largest inner products: searched in bfloat16, exact in float32.

A processor with bfloat16 instructions multiplies in it four times as fast, and half as much is written and
searched. So candidates are found there, scored again in float32, and certified: no other item can belong
into the list, by the rounding error of bfloat16. Rows without a certificate are scored in full.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.models.order import rank_of, top_items, top_unseen
from graphrec.models.products import inner_products

_GROUPS = 32  # items of a group, of which the largest is looked at first
_USERS = 256  # at a time; bounds the memory to half a kilobyte per item
_LOWEST = torch.iinfo(torch.int16).min
_INPUTS, _OUTPUT = 2.0**-8 * 1.02, 2.0**-8 * 1.02
"""Bounds of the error of a product: of ``‖u‖ ‖i‖`` by rounding both vectors (2⁻⁹ each), and of itself by
rounding the result, with a little room for the sums in float32 and for terms of second order."""


def is_worthwhile(item: Tensor, k: int) -> bool:
    """Whether the search pays: the machine multiplies bfloat16 natively, and the catalogue is large."""
    native = item.is_cpu and torch.cpu._is_avx512_bf16_supported()
    return native and item.dtype == torch.float32 and len(item) >= 4 * _GROUPS * _candidates(k)


def _candidates(k: int) -> int:
    """More of them cost little, a row without a certificate costs as much as a hundred with one."""
    return 2 * k + 8


class ItemIndex:
    """Finds the `k` items with the largest inner product for each user, the same as a full ranking does.

    Args:
        item: Vectors of the items. Shape ``[I, D]``.
        order: The order of items with equal scores. Shape ``[I]``.
    """

    def __init__(self, item: Tensor, order: Tensor) -> None:
        self.item, self.order, self.rank = item, order, rank_of(order)
        self.half = item.to(torch.bfloat16)
        self.longest = item.norm(dim=1).max()
        self._scores = torch.empty(_USERS, len(item), dtype=torch.bfloat16)

    def top(self, user: Tensor, k: int, seen: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """Scores and items of the best, each ``[B, k]``.

        Args:
            user: Vectors of the users. Shape ``[B, D]``.
            k: Length of the lists.
            seen: Row (ascending) and item of each pair that may not be ranked.
        """
        parts = []
        for start in range(0, len(user), _USERS):
            inside = None
            if seen is not None:
                low, high = torch.searchsorted(seen[0], torch.tensor([start, start + _USERS])).tolist()
                inside = (seen[0][low:high] - start, seen[1][low:high])
            parts.append(self._top(user[start : start + _USERS], k, inside))
        if not parts:
            return user.new_empty(0, k), torch.empty(0, k, dtype=torch.int64)
        values, items = zip(*parts, strict=True)
        return torch.cat(values), torch.cat(items)

    def _top(self, user: Tensor, k: int, seen: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        items, last = self._search(user, _candidates(k), seen)
        items = items.gather(1, self.rank[items].argsort(dim=1))
        exact = torch.bmm(self.item[items], user[:, :, None]).squeeze(2)
        values, place = exact.sort(dim=1, descending=True, stable=True)
        values, items = values[:, :k], items.gather(1, place[:, :k])
        certain = values[:, -1] > last * (1 + _OUTPUT) + _INPUTS * self.longest * user.norm(dim=1)
        unsure = (~(certain & (last > 0))).nonzero().flatten()
        if len(unsure):
            values[unsure], items[unsure] = self._in_full(user, unsure, k, seen)
        return values, items

    def _search(self, user: Tensor, count: int, seen: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """The `count` items with the largest rounded scores ``[B, count]``, and the least of these scores.

        Positive bfloat16 numbers are ordered like their bits, and integers are compared many times as fast.
        Where that misleads, because the least score is not positive, the row gets no certificate.
        """
        scores = self._scores[: len(user)]
        torch.mm(user.to(torch.bfloat16), self.half.T, out=scores)
        bits = scores.view(torch.int16)
        if seen is not None:
            bits[seen] = _LOWEST
        width = bits.shape[1] // _GROUPS
        end = width * _GROUPS
        largest = bits[:, :end].view(len(bits), _GROUPS, width).amax(dim=1)
        groups = largest.topk(count, dim=1, sorted=False).indices
        inside = torch.arange(0, end, width)
        rest = torch.arange(end, bits.shape[1]).expand(len(bits), -1)
        places = torch.cat([(groups[:, :, None] + inside).flatten(1), rest], dim=1)
        found, chosen = bits.gather(1, places).topk(count, dim=1)
        return places.gather(1, chosen), found[:, -1:].contiguous().view(torch.bfloat16).float().squeeze(1)

    def _in_full(
        self, user: Tensor, rows: Tensor, k: int, seen: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        """Rank some rows over the whole catalogue in float32."""
        scores = inner_products(user[rows], self.item)
        if seen is None:
            return top_items(scores, k, self.order)
        place = torch.full((len(user),), -1)
        place[rows] = torch.arange(len(rows))
        kept = place[seen[0]] >= 0
        return top_unseen(scores, (place[seen[0]][kept], seen[1][kept]), k, self.order)
