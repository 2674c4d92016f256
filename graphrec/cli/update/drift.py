"""The drift report of an update: who came, what is bought, and whether probabilities came true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.cli.offers.curves.calibration import calibration_kept
from graphrec.cli.update.log import Growth, is_new
from graphrec.data.interactions import Columns
from graphrec.errors import InputError
from graphrec.models.encoders.warm import Learnt
from graphrec.offers.candidates.calibrate import calibrate
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offpolicy.loop.drift import Drift
from graphrec.serving.renewal.foretold import foretold
from graphrec.serving.renewal.population import Moved, Population, population_of

if TYPE_CHECKING:
    from graphrec.data.module import RecommenderData
    from graphrec.training import RankedTask

RESPONSE = "a ranker has no response to discounts; `graphrec feedback` follows what offers bring"


@dataclass(frozen=True)
class Report:
    """What has moved.

    Args:
        population: Users, items and activity.
        foretold: Probabilities beside purchases; None where there are none.
        why_not: Why there are none, in words.
    """

    population: Population
    foretold: Drift | None
    why_not: str = ""

    def numbers(self) -> dict[str, Any]:
        """Write it for update.json."""
        counts = self.population.counts.set_index("of").to_dict("index")
        said = {"item_index": self.population.items.index, "activity_index": self.population.activity.index}
        calibration = self.why_not if self.foretold is None else self.foretold.said
        told = {"calibration": calibration, "response": RESPONSE, "said": self.lines()}
        return {"population": counts, **said, **told}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Name the tables by their files."""
        found = {
            "drift_population.csv": self.population.counts,
            "drift_items.csv": self.population.items.groups,
            "drift_activity.csv": self.population.activity.groups,
        }
        if self.foretold is not None:
            found |= {"drift_weeks.csv": self.foretold.rates, "drift_tenths.csv": self.foretold.tenths}
        return found

    def lines(self) -> list[str]:
        """Say what has moved."""
        lines = [_moved("items", self.population.items), _moved("activity", self.population.activity)]
        lines.append(f"calibration: {self.why_not if self.foretold is None else self.foretold.said}")
        return [*lines, f"response: {RESPONSE}"]


def report(
    served: Learnt, calibration: Calibration | str, data: RecommenderData, growth: Growth, new: Sequence[str]
) -> Report:
    """Compare the new rows with those of before.

    Args:
        served: What serves.
        calibration: What its scores mean, or why that is not known.
        data: The grown log and its split.
        growth: What is new.
        new: The new files.
    """
    rows = data.source.log
    mark = is_new(rows, new)
    population = population_of(rows[~mark], rows[mark])
    users, items = (float(part) for part in population.counts["new"] / population.counts["now"])
    log = _bought(data)
    weeks = set(log[is_new(log, new)][Columns.WEEK])
    log = log[log[Columns.WEEK].isin([week for week in weeks if week > growth.trained_to])]
    if isinstance(calibration, str) or not len(log):
        why = calibration if isinstance(calibration, str) else "no week lies behind what serves"
        return Report(population, None, why)
    return Report(population, foretold(served, calibration, log, (users, items)))


def calibration_of(checkpoint: Path, task: RankedTask, data: RecommenderData) -> Calibration | str:
    """Find what the scores of a run mean, or why that is not known."""
    try:
        kept = calibration_kept(data, checkpoint)
        found = calibrate(task.recommender, task.recommender.graph, data.split) if kept is None else kept
    except InputError as error:
        return f"what serves has none ({error.message})"
    return found if found.weeks is not None else "that of what serves is of no number of weeks"


def _bought(data: RecommenderData) -> pd.DataFrame:
    """List the purchases of all parts with ids; what is no purchase, as the weights say, is left out."""
    parts = [part.targets().frame for part in (data.split.train, data.split.val)]
    return pd.concat(parts, ignore_index=True)


def _moved(name: str, moved: Moved) -> str:
    said = f"{name}: {moved.said}, population stability index {moved.index:.3f}"
    return f"{said} ({moved.by_chance:.3f} by chance alone)"
