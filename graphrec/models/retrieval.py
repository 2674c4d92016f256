"""The items with the largest inner products, without a sort of the whole catalogue.

The largest score of each group of items is looked at first, and only the best groups are searched. A
processor with bfloat16 instructions multiplies in it four times as fast, and half as much is written and
searched; there candidates are found in bfloat16 and scored again in float32. Either way a list is certified:
no other item can belong into it, in bfloat16 by the rounding error. Rows without a certificate, for example
with equal scores where the list ends, are ranked in full.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphrec.models.order import rank_of, top_items, top_unseen
from graphrec.models.products import inner_products, multiply

_GROUPS = 32  # items of a group, of which the largest is looked at first
_USERS = 256  # at a time; bounds the memory to half a kilobyte per item
_LOWEST = torch.iinfo(torch.int16).min
_INPUTS, _OUTPUT = 2.0**-8 * 1.02, 2.0**-8 * 1.02
"""Bounds of the error of a product: of ``‖u‖ ‖i‖`` by rounding both vectors (2⁻⁹ each), and of itself by
rounding the result, with a little room for the sums in float32 and for terms of second order."""


def is_worthwhile(item: Tensor, k: int) -> bool:
    """Whether the search pays: on a CPU, for a large catalogue."""
    return item.is_cpu and item.dtype == torch.float32 and len(item) >= 4 * _GROUPS * _candidates(k)


def multiplies_half() -> bool:
    """Whether the processor multiplies bfloat16 natively."""
    return bool(torch.cpu._is_avx512_bf16_supported())


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
        storage = torch.bfloat16 if multiplies_half() else torch.float32
        self.stored = item.to(storage)
        self.longest = item.norm(dim=1).max()
        self._scores = torch.empty(_USERS, len(item), dtype=storage)

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
        found, items = self._search(user, _candidates(k), seen)
        last = found[:, -1]
        by_rank = self.rank[items].argsort(dim=1)
        items = items.gather(1, by_rank)
        if self.stored.dtype == torch.bfloat16:
            exact = torch.bmm(self.item[items], user[:, :, None]).squeeze(2)
        else:
            exact = found.gather(1, by_rank)
        values, place = exact.sort(dim=1, descending=True, stable=True)
        values, items = values[:, :k], items.gather(1, place[:, :k])
        certain = values[:, -1] > last
        if self.stored.dtype == torch.bfloat16:
            margin = last * _OUTPUT + _INPUTS * self.longest * user.norm(dim=1)
            certain = (values[:, -1] > last + margin) & (last > 0)
        unsure = (~certain).nonzero().flatten()
        if len(unsure):
            values[unsure], items[unsure] = self._in_full(user, unsure, k, seen)
        return values, items

    def _search(self, user: Tensor, count: int, seen: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        """The `count` largest stored scores, the largest first, and their items, each ``[B, count]``.

        Positive bfloat16 numbers are ordered like their bits, and integers are compared many times as fast.
        Where that misleads, because the least score is not positive, the row gets no certificate.
        """
        scores = self._scores[: len(user)]
        multiply(user.to(scores.dtype), self.stored, scores)
        bits = scores.view(torch.int16) if scores.dtype == torch.bfloat16 else scores
        if seen is not None:
            bits[seen] = _LOWEST if scores.dtype == torch.bfloat16 else -torch.inf
        width = bits.shape[1] // _GROUPS
        end = width * _GROUPS
        largest = bits[:, :end].view(len(bits), _GROUPS, width).amax(dim=1)
        groups = largest.topk(count, dim=1, sorted=False).indices
        inside = torch.arange(0, end, width)
        rest = torch.arange(end, bits.shape[1]).expand(len(bits), -1)
        places = torch.cat([(groups[:, :, None] + inside).flatten(1), rest], dim=1)
        found, chosen = bits.gather(1, places).topk(count, dim=1)
        return found.contiguous().view(scores.dtype).float(), places.gather(1, chosen)

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
