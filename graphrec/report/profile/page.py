"""Write the page on a log: what is in it, what may mislead, which split and which models suit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from graphrec import __version__
from graphrec.data.describe import cleaning_report, describe
from graphrec.data.ledger import span
from graphrec.data.profile.advice import measured_rows
from graphrec.data.profile.shape import top_share
from graphrec.data.profile.whole import Profile
from graphrec.files import write_text
from graphrec.report.page.html import environment
from graphrec.report.profile.sections import sections
from graphrec.report.profile.shown import ShownNumbers, numbers


def write_profile(found: Profile, out: Path, command: str) -> Path:
    """Write the page.

    Args:
        found: What it shows.
        out: The file to write.
        command: What makes it again.
    """
    facts = describe(found.raw)
    log = found.log
    page = environment().get_template("profile.html.j2").render(
        title=f"{found.raw.name}: the log",
        version=__version__,
        rows=len(log),
        users=len(log.user_ids),
        items=len(log.item_ids),
        span=span(found.raw.log),
        facts=[row for row in facts.to_numpy().tolist() if row[0] != "name"],
        cleaning=_cleaning(found),
        traps=found.traps,
        leaks=sum(trap.kind == "leakage" for trap in found.traps),
        split=found.split,
        parts=found.parts,
        models=found.models,
        measured=_measured(found),
        sections=sections(found),
        command=command,
    )  # fmt: skip
    return write_text(out, page)


def _cleaning(found: Profile) -> ShownNumbers | None:
    """List the steps of cleaning that found something."""
    report = cleaning_report(found.raw.steps)
    shown = report[(report["removed"] > 0) | (report["filled"] > 0)]
    if shown.empty:
        return None
    heads = {
        "step": "Step",
        "rows_before": "Rows before",
        "removed": "Rows removed",
        "filled": "Values changed",
    }
    return numbers(shown, "Cleaning", heads)


def _measured(found: Profile) -> ShownNumbers:
    log = found.log
    own = (log.pairs / len(log.user_ids), log.pairs / len(log.item_ids), top_share(log.users_of_item, 0.01))
    rows: list[dict[str, Any]] = measured_rows(*own)
    table = pd.DataFrame(rows)
    table["away"] = table["away"].where(np.arange(len(table)) > 0)
    heads = {
        "name": "Log",
        "per_user": "Items of a user, mean",
        "per_item": "Users of an item, mean",
        "top 1 %": "Pairs in the top 1 % of items",
        "away": "Doublings away",
        "best": "Best defaults, NDCG@20 on validation",
    }
    return numbers(table.rename(columns={"top_share": "top 1 %"}), "Measured logs", heads)
