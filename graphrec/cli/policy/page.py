"""The page on policies that were judged by a log."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from graphrec import __version__
from graphrec.files import write_text
from graphrec.offpolicy.decision_log import DecisionLog
from graphrec.offpolicy.judged import Judged, Sorted
from graphrec.report.charts.gains import gains, tenths
from graphrec.report.page.html import environment

PAGE = "policy.html"


def write_page(log: DecisionLog, judged: Judged, found: list[Sorted], out: Path) -> Path:
    """Write the page.

    Args:
        log: Of decisions.
        judged: Values of policies.
        found: How well people are sorted, by arm.
        out: Folder of the page.
    """
    counts = np.bincount(log.decisions.level, minlength=len(log.arms))
    kinds = ("uplift", "profit") if log.costs else ("uplift",)
    page = environment().get_template("policy.html.j2").render(
        title="What policies are worth",
        version=__version__,
        what="reward less cost" if log.costs else "reward",
        arms=list(zip(log.arms, counts, strict=True)),
        values=judged.values.to_dict("records"),
        support=judged.support.to_dict("records"),
        gates=judged.gates,
        curves=[
            (kind, gains({one.arm: getattr(one, kind).table for one in found}, f"{kind} by share treated"))
            for kind in kinds if found
        ],
        figures=[(one.arm, kind, getattr(one, kind).figures) for one in found for kind in kinds],
        tenths=[
            (one.arm, tenths(one.tenths, f"{one.arm}, by tenth")) for one in found if one.tenths is not None
        ],
    )  # fmt: skip
    return write_text(out / PAGE, page)
