"""The page on an experiment."""

from __future__ import annotations

from pathlib import Path

from graphrec import __version__
from graphrec.files import write_text
from graphrec.offpolicy.randomised.experiment import EVERYBODY, Asked, Found
from graphrec.report.charts.differences import differences
from graphrec.report.page.html import environment

PAGE = "experiment.html"


def write_page(found: Found, asked: Asked, out: Path) -> Path:
    """Write the page.

    Args:
        found: What the experiment brought.
        asked: What was asked of it.
        out: Folder of the page.
    """
    whole = found.table[found.table["segment"] == EVERYBODY]
    page = environment().get_template("experiment.html.j2").render(
        title="What the experiment brought",
        version=__version__,
        found=found,
        asked=asked,
        coverage=f"{100 * (1 - asked.level):g} %",
        rows=found.table.to_dict("records"),
        charts=[
            (name, differences(whole[whole["measure"] == name], "arm", f"{name}, less {asked.control}"))
            for name in asked.all_measures
        ],
        segments=[
            (segment, measure, differences(part, "level", f"{measure} by {segment}"))
            for (segment, measure), part in found.table[found.table["segment"] != EVERYBODY].groupby(
                ["segment", "measure"], sort=False
            )
        ],
    )  # fmt: skip
    return write_text(out / PAGE, page)
