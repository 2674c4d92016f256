"""Sampled measures are not offered: the reason, where somebody asks for them by a name that others use."""

from __future__ import annotations

import re

_ASKED = re.compile(
    r"(sampled?(_\w+)?|num_candidates|eval_(negatives|neg_samples?)|(num|n)_(eval|test)_neg\w*|\w*sampled_metrics?)"
)
WHY = (
    "measures over sampled candidates are not offered: they can order models otherwise than all items"
    " do (Krichene and Rendle, KDD 2020)"
)
"""What is said of them."""
HINT = "leave it out: every item is ranked"


def asks_for_sampling(key: str) -> bool:
    """Tell whether a key asks for measures over a sample of the items."""
    return _ASKED.fullmatch(key.rpartition(".")[2].lower()) is not None
