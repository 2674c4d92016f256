"""Whose objective an offer serves: five scenarios, each a YAML with weights over the same response curves.

The weights are assumptions that one can read, argue about and replace, not estimates. The files lie in
``graphrec/offers/scenario_files``, so that an installed package has them, and ``experiments/offers`` leads to
them; ``--scenario FILE.yaml`` takes a shop's own.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import yaml

from graphrec.arrays import BoolArray, FloatArray
from graphrec.errors import InputError
from graphrec.offers.economics import Money
from graphrec.offers.limits.guardrails import Guardrails

ScenarioName = Literal["promotion", "clearance", "launch", "cross_sell", "retention"]
Objective = Literal["scenario", "profit", "revenue", "units"]
OBJECTIVES: tuple[str, ...] = get_args(Objective)
SCENARIO_NAMES: tuple[str, ...] = get_args(ScenarioName)
WORTH = ("cross_sell", "retention")
"""Scenarios in which a sold unit has a worth of its own, see `graphrec.offers.candidates.eligibility`."""
FOLDER = Path(__file__).parent / "scenario_files"


@dataclass(frozen=True)
class Scenario:
    """Weights of an objective in money, and what may be offered to whom.

    Args:
        name: One of the five scenarios: it decides which users and items are eligible
            (`graphrec.offers.candidates.eligibility`).
        profit: Weight of expected profit.
        revenue: Weight of expected revenue.
        units: What one more sold unit is worth besides, as a share of its regular price.
        worth: Weight of what a sold unit of the pair is worth to the scenario, in money. That is churn risk
            times the value of a household, or lift over a category.
        sold: What one more sold unit is worth, whatever its price.
        pairs: ``all``, or only those ``seen`` in training or ``new``.
        salvage: Share of the regular price that a unit brings at last; the retailer's net price may fall to
            it, below cost. The guardrail's minimum margin holds if missing.
        max_rate: Highest rate where the user names none; the guardrail's if missing.
        levels: Rates that policies of levels choose from; theirs if missing.
        about: What it is for, in a sentence.
    """

    name: ScenarioName
    profit: float = 1.0
    revenue: float = 0.0
    units: float = 0.0
    worth: float = 0.0
    sold: float = 0.0
    pairs: Literal["all", "seen", "new"] = "all"
    salvage: float | None = None
    max_rate: float | None = None
    levels: tuple[float, ...] | None = None
    about: str = ""

    @property
    def measure(self) -> str:
        """What the objective counts, in a word or two."""
        weights = {"profit": self.profit, "revenue": self.revenue, "units": self.sold}
        only = [name for name, weight in weights.items() if weight > 0]
        return only[0] if len(only) == 1 and not self.units and not self.worth else f"{self.name} value"

    def eligible(self, seen: BoolArray) -> BoolArray:
        """Tell which pairs may get an offer. ``[P]`` to ``[P]``."""
        if self.pairs == "all":
            return np.ones(len(seen), dtype=np.bool_)
        return np.asarray(seen if self.pairs == "seen" else ~seen, dtype=np.bool_)

    def value(
        self,
        probability: FloatArray,
        price: FloatArray,
        rate: FloatArray,
        economics: Money,
        worth: FloatArray | float = 0.0,
    ) -> FloatArray:
        """Compute the objective in money; arguments broadcast, typically to ``[P, R]``.

        Args:
            probability: Of a purchase at the rate.
            price: Regular, money per unit.
            rate: In [0, 1).
            economics: Margin and funding.
            worth: Of a sold unit of the pair to the scenario, in money.
        """
        value = self.profit * economics.profit(probability, price, rate)
        value = value + self.revenue * economics.revenue(probability, price, rate)
        return value + probability * (self.units * price + self.worth * worth + self.sold)

    def aiming_at(self, objective: Objective) -> Scenario:
        """Keep the eligibility and take another objective: ``profit``, ``revenue`` or ``units`` alone."""
        if objective == "scenario":
            return self
        profit, revenue, sold = (float(objective == one) for one in ("profit", "revenue", "units"))
        return replace(self, profit=profit, revenue=revenue, units=0.0, worth=0.0, sold=sold)

    def guardrails(self, given: Guardrails) -> Guardrails:
        """Open the given limits as far as the scenario says: what holds where the user names none."""
        given = replace(given, salvage=self.salvage)
        return given if self.max_rate is None else replace(given, max_rate=self.max_rate)


@lru_cache
def scenario_named(name: str) -> Scenario:
    """Read the scenario of that name from the package's own file.

    Raises:
        InputError: If there is none.
    """
    if name not in SCENARIO_NAMES:
        hint = f"choose one of {', '.join(SCENARIO_NAMES)}, or give a YAML file"
        raise InputError(f"there is no scenario '{name}'", column="scenario", hint=hint)
    return read_scenario(FOLDER / f"{name}.yaml")


def scenario_of(name_or_file: str) -> Scenario:
    """Read a scenario by its name, or from a YAML file of one's own.

    Raises:
        InputError: If there is none, or the file is wrong.
    """
    if name_or_file.endswith((".yaml", ".yml")):
        return read_scenario(Path(name_or_file))
    return scenario_named(name_or_file)


def read_scenario(path: Path) -> Scenario:
    """Read a scenario's YAML.

    Raises:
        InputError: If the file is missing, a key is not known, or a value has the wrong form.
    """
    if not path.is_file():
        raise InputError(
            "there is no such file", file=path, column="--scenario", hint="see experiments/offers"
        )
    try:
        keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"this is not YAML ({error})", file=path) from error
    if not isinstance(keys, dict) or keys.get("name") not in SCENARIO_NAMES:
        hint = f"start with `name:` and one of {', '.join(SCENARIO_NAMES)}"
        raise InputError("this is no scenario", file=path, column="name", hint=hint)
    found = Scenario(**{key: _checked(key, value, path) for key, value in keys.items()})
    if found.worth > 0 and found.name not in WORTH:
        what, hint = (
            f"the scenario {found.name} knows no worth of a unit",
            f"it is {' or '.join(WORTH)} that do",
        )
        raise InputError(what, file=path, column="worth", hint=hint)
    return found


def _checked(key: str, value: Any, path: Path) -> Any:
    """Bring a value of the file into the form that the class wants."""
    known = {field.name for field in dataclasses.fields(Scenario)}
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(sorted(known))}"
        raise InputError("a scenario has no such key", file=path, column=key, hint=hint)
    if key in ("name", "about"):
        return value
    if key == "pairs":
        if value not in ("all", "seen", "new"):
            raise InputError(f"{value!r} names no pairs", file=path, column=key, hint="give all, seen or new")
        return value
    if key == "levels":
        if not isinstance(value, list) or not all(isinstance(one, int | float) for one in value):
            hint = "list rates, as [0, 0.1, 0.2]"
            raise InputError(f"{value!r} is no list of rates", file=path, column=key, hint=hint)
        return tuple(float(one) for one in value)
    share = key in ("salvage", "max_rate")
    if isinstance(value, int | float) and 0 <= value < np.inf and (not share or 0 < value < 1):
        return float(value)
    hint = "give a share, as 0.3" if share else "give a number of 0 or more"
    raise InputError(f"{value!r} is not a value", file=path, column=key, hint=hint)
