"""The items with the largest inner products, without the scores of the whole catalogue.

Upper bounds of all scores are made for a block of items at a time, which fits the cache. Only the highest of
each group of items is kept. The groups with the highest bounds are then scored in full. A list is certified:
no item outside these groups can belong into it. Rows without a certificate, for example with equal scores
where the list ends, are ranked in full.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from graphrec.kernels.inner_products import inner_products
from graphrec.kernels.search_bounds import upper_bounds
from graphrec.kernels.topk import rank_of, top_unseen

_GROUP = 4  # items, of which the highest bound is kept
_COARSE = 8  # groups, of which the highest bound is looked at first
_TOGETHER = 32  # users whose candidates are scored at a time
_LINE = 32  # items, whose bounds fill a cache line or two; a multiple of `_GROUP * _COARSE`
_SPARE = 8  # groups; they cost little, a row without a certificate costs as much as a hundred with one

_BITS = 2 ** torch.arange(_GROUP, dtype=torch.uint8)  # of the members of a group

Pairs = tuple[Tensor, Tensor]
"""Rows of users (ascending) and items, each pair once."""


def is_worthwhile(item: Tensor, k: int) -> bool:
    """Tell whether the search pays: on a CPU, for a large catalogue."""
    return item.is_cpu and item.dtype == torch.float32 and len(item) >= 128 * (3 * k + _SPARE)


class ItemIndex:
    """Finds the `k` items with the largest inner product for each user, the same as a full ranking does.

    Args:
        item: Vectors of the items. Shape ``[I, D]``.
        order: The order of items with equal scores. Shape ``[I]``.
    """

    def __init__(self, item: Tensor, order: Tensor) -> None:
        self.item, self.order, self.rank = item, order, rank_of(order)
        self.precision = 4 * item.shape[1] * 2.0**-24 * item.norm(dim=1).max()
        self.bounds = upper_bounds(item)
        self.width = _width(len(item), self.bounds.block)
        self.missing = -len(item) % self.width  # places of the last block that no item fills
        right = functional.pad(self.bounds.right, (0, self.missing))
        self.blocks = [block.contiguous() for block in torch.split(right, self.width, dim=1)]
        self.members = _members(len(item), self.width)
        real = self.members < len(item)
        self.group, self.bit = torch.empty(len(item), dtype=torch.int64), _BITS.new_empty(len(item))
        self.group[self.members[real]], member = real.nonzero(as_tuple=True)
        self.bit[self.members[real]] = _BITS[member]
        self.grouped = item[self.members.clamp_max(len(item) - 1)].flatten(1)
        lowest = self.bounds.lowest
        self._product = lowest.new_empty(self.bounds.users, self.width)
        self._highest = lowest.repeat(self.bounds.users, len(real))
        self._barred = (_BITS * ~real).sum(1, dtype=_BITS.dtype).repeat(self.bounds.users)
        self._vectors = item.new_empty(0)

    def top(self, user: Tensor, k: int, seen: Pairs | None = None) -> tuple[Tensor, Tensor]:
        """Find scores and items of the best, each ``[B, k]``.

        Args:
            user: Vectors of the users. Shape ``[B, D]``.
            k: Length of the lists.
            seen: Pairs that may not be ranked.
        """
        if seen is None:
            seen = (torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))
        values, items = user.new_empty(len(user), k), torch.empty(len(user), k, dtype=torch.int64)
        certain = torch.empty(len(user), dtype=torch.bool)
        left, known = self.bounds.left(user)
        count = self.bounds.groups * k + _SPARE
        for start in range(0, len(user), self.bounds.users):
            few = slice(start, start + self.bounds.users)
            low, high = torch.searchsorted(seen[0], torch.tensor([start, start + self.bounds.users])).tolist()
            inside = (seen[0][low:high] - start, seen[1][low:high])
            groups, limit = self._best_groups(left[few], count, inside)
            found = self._best_items(user[few], groups, self.bounds.limit(limit, known[few]), k, inside)
            values[few], items[few], certain[few] = found
        unsure = (~certain).nonzero().flatten()
        if len(unsure):
            values[unsure], items[unsure] = self._in_full(user, unsure, k, seen)
        return values, items

    def _best_items(
        self, user: Tensor, groups: Tensor, limit: Tensor, k: int, seen: Pairs
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Find the best in some groups, scores and items ``[B, k]``, and whether none is better, ``[B]``."""
        values, chosen = self._scores(user, groups, seen).topk(k + 1, dim=1)
        rest = torch.maximum(values[:, k], limit + self.precision * user.norm(dim=1))
        certain = values[:, k - 1] > rest
        values, chosen = values[:, :k], chosen[:, :k]
        items = self.members[groups.gather(1, chosen // _GROUP), chosen % _GROUP]
        items = items.clamp_max(len(self.item) - 1)  # an unreal one is in no certain list
        if not (values[:, 1:] == values[:, :-1]).any():
            return values, items, certain
        by_rank = self.rank[items].argsort(dim=1)
        values, place = values.gather(1, by_rank).sort(dim=1, descending=True, stable=True)
        return values, items.gather(1, by_rank.gather(1, place)), certain

    def _best_groups(self, left: Tensor, count: int, seen: Pairs) -> tuple[Tensor, Tensor]:
        """Find the groups with the highest bounds, ``[B, count]``, and a bound of all others, ``[B]``."""
        highest, product = self._highest[: len(left)], self._product[: len(left)]
        in_blocks = torch.split(highest, self.width // _GROUP, dim=1)
        for block, pairs, found in zip(self.blocks, self._by_block(seen), in_blocks, strict=True):
            self.bounds.product(left, block, product)
            product.index_put_(pairs, self.bounds.lowest)
            if block is self.blocks[-1] and self.missing:
                product[:, -self.missing :] = self.bounds.lowest
            torch.amax(product.view(len(left), _GROUP, -1), dim=1, out=found)
        size = highest.shape[1] // _COARSE
        _, coarse = self.bounds.largest(highest.view(len(left), _COARSE, size).amax(dim=1), count)
        groups = (coarse[:, :, None] + torch.arange(0, highest.shape[1], size)).flatten(1)
        found, chosen = self.bounds.largest(highest.gather(1, groups), count)
        return groups.gather(1, chosen), found.amin(dim=1)

    def _by_block(self, seen: Pairs) -> list[Pairs]:
        """Sort the pairs by block of items, with places in the block."""
        rows, items = seen
        block = items // self.width
        by_block = torch.from_numpy(block.to(torch.int16).numpy().argsort(kind="stable"))  # a radix sort
        sizes = torch.bincount(block, minlength=len(self.blocks)).tolist()
        places = (items - block * self.width)[by_block]
        return list(zip(torch.split(rows[by_block], sizes), torch.split(places, sizes), strict=True))

    def _scores(self, user: Tensor, groups: Tensor, seen: Pairs) -> Tensor:
        """Score all members of some groups, −inf for what may not be ranked. Shape ``[B, 4 count]``."""
        users, count = groups.shape
        scores = user.new_empty(users, count * _GROUP)
        if len(self._vectors) < _TOGETHER * count:
            self._vectors = self.grouped.new_empty(_TOGETHER * count, self.grouped.shape[1])
        for start in range(0, users, _TOGETHER):
            few = slice(start, start + _TOGETHER)
            vectors = self._vectors[: groups[few].numel()]
            torch.index_select(self.grouped, 0, groups[few].flatten(), out=vectors)
            vectors = vectors.view(-1, count * _GROUP, user.shape[1])
            torch.bmm(user[few, None], vectors.transpose(1, 2), out=scores[few, None])
        barred = self._barred_members(groups, seen)
        return scores.view(barred.shape).masked_fill_(barred, -torch.inf).flatten(1)

    def _barred_members(self, groups: Tensor, seen: Pairs) -> Tensor:
        """Mark members of some groups that may not be ranked or do not exist. Shape ``[B, count, 4]``."""
        rows, items = seen
        places = self.group.index_select(0, items).add_(rows, alpha=len(self.members))
        bit = self.bit.index_select(0, items)
        self._barred.index_add_(0, places, bit)  # pairs are distinct, so bits do not carry
        barred = self._barred.view(-1, len(self.members))[: len(groups)].gather(1, groups)
        self._barred.index_add_(0, places, bit.neg())
        return (barred[:, :, None] & _BITS).bool()

    def _in_full(self, user: Tensor, rows: Tensor, k: int, seen: Pairs) -> tuple[Tensor, Tensor]:
        """Rank some rows over the whole catalogue in float32."""
        place = torch.full((len(user),), -1)
        place[rows] = torch.arange(len(rows))
        kept = place[seen[0]] >= 0
        scores = inner_products(user[rows], self.item)
        return top_unseen(scores, (place[seen[0]][kept], seen[1][kept]), k, self.order)


def _width(size: int, block: int) -> int:
    """Choose the items of a block, about `block`, with an odd number of cache lines per row of products.

    Rows that begin with a cache line and lie no power of two apart are written in two thirds of the time.
    """
    lines = -(-size // (_LINE * max(round(size / block), 1)))
    return _LINE * (lines | 1)


def _members(size: int, width: int) -> Tensor:
    """List the items of each group; a place without one has a number past the last. Shape ``[groups, 4]``.

    Within a block neighbours belong to different groups, so that maxima are taken of whole rows.
    """
    blocks = -(-size // width)
    return torch.arange(blocks * width).view(blocks, _GROUP, -1).transpose(1, 2).reshape(-1, _GROUP)
