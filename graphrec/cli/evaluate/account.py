"""What is to be known of lists that others made: who has none, what is short, unknown, bought or tied."""

from __future__ import annotations

import numpy as np

from graphrec.arrays import BoolArray, IntArray
from graphrec.data.recommended import CodedLists, Recommended
from graphrec.data.splitting import Split
from graphrec.evaluation.measures import Need, absent
from graphrec.evaluation.ranking import UserMetrics
from graphrec.models.base import ItemSet

_REMEDY: dict[Need, str] = {
    "train": "they need the training part: --train",
    "categories": "they need a category of the items: --items and --category",
}


def told_of_measures(train: bool, categories: bool) -> list[str]:
    """Say which measures are missing and what they need.

    Args:
        train: Whether the training part is known.
        categories: Whether items have a category.
    """
    there: dict[Need, bool] = {"train": train, "categories": categories}
    given = [need for need, known in there.items() if known]
    said = [
        f"not measured: {', '.join(one.title for one in lacking)}; {_REMEDY[need]}"
        for need, lacking in absent(given).items()
    ]
    return said if train else [*said, "no segments by activity, taste and recency: they need --train"]


def told_of_lists(
    lists: Recommended, found: CodedLists, result: UserMetrics, split: Split, items: ItemSet
) -> list[str]:
    """Say what became of the lists of a file, a sentence for each thing that is not as it should be.

    Args:
        lists: As they were read.
        found: In codes.
        result: What was measured.
        split: The parts of the log.
        items: The item set that was judged.
    """
    asked = result.users.numpy()
    listed = np.isin(found.users, asked)
    own, users = found.items[listed], found.users[listed]
    there = own >= 0
    pairs = users[:, None] * len(split.items) + own
    width = len(split.items)
    bought = there & np.isin(pairs, _keys(split.train.pairs(), width))
    held = there & np.isin(pairs, _keys(split.val.pairs(), width)) & ~bought
    bought_end = (
        "are left out" if items == "new" else "stay where they stand (--exclude_seen leaves them out)"
    )
    unknown = there & np.isin(own, _unknown(split))
    counts = [
        (len(asked) - len(users), f"of {len(asked):,} users with test items have no list and count as 0"),
        (
            found.strangers + int((~listed).sum()),
            "users of the file have no test items and are left out",
        ),
        (int(unknown.sum()), "listed items are in no part of the log: they take a place and hit nothing"),
        (int(bought.sum()), f"listed items were bought by their user in training and {bought_end}"),
        (int(held.sum()), "listed items are of their user's validation part, and take a place"),
        (found.tied, "lists have items of equal score and no rank: a fixed pseudo-random order ranks them"),
        (lists.doubtful(), "users have scores that rise where the rank falls: the rank holds"),
    ]
    said = [f"{count:,} {what}" for count, what in counts if count]
    return [*said, *_short(result, np.isin(asked, users))]


def _short(result: UserMetrics, listed: BoolArray) -> list[str]:
    """Tell of lists that are shorter than the largest K."""
    longest = max(result.cutoffs)
    length = (result.items.numpy() >= 0).sum(axis=1)[listed]
    short = length < longest
    if not short.any():
        return []
    said = f"{int(short.sum()):,} of {len(length):,} lists are shorter than {longest}"
    return [f"{said}, the shortest has {int(length.min())}: a place that they lack hits nothing"]


def _unknown(split: Split) -> IntArray:
    """List the codes of items that stand in lists alone. Shape ``[n]``."""
    parts = [part.pairs()[:, 1] for part in (split.train, split.val, split.test)]
    return np.setdiff1d(np.arange(len(split.items)), np.concatenate(parts))


def _keys(pairs: IntArray, width: int) -> IntArray:
    return pairs[:, 0] * width + pairs[:, 1]
