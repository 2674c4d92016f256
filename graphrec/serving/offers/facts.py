"""The facts that offers are made of, as an export holds them: no row of the log, and nothing of one sale."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load, save

from graphrec.arrays import FloatArray
from graphrec.models.base import ItemSet
from graphrec.offers.candidates.calibration import Calibration
from graphrec.offers.candidates.eligibility import Eligibility
from graphrec.offers.economics import Economics
from graphrec.offers.levels import LEVELS, Amounts, Levels
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.scenarios import Scenario
from graphrec.offpolicy.loop.learned import LearnedResponse

OFFERS, SHELF, SAVINGS, MEANT = (
    "offers.json",
    "shelf.parquet",
    "savings.parquet",
    "eligibility.safetensors",
)
"""Parts of an export with offers."""
COUNTED = ("name", "like", "profit", "revenue", "units", "worth", "sold", "pairs", "max_rate", "levels")
"""What of a scenario says what an offer is worth, and at which rates."""


@dataclass(frozen=True)
class OfferTerms:
    """What offers were decided with.

    Args:
        policy: That found the price.
        levels: Rates that it chooses from, or amounts of money. Length ``R``.
        promotion: Kind of offer.
        items: Which items are meant.
        k: Items of each shopper that the price was found with.
        weeks: How long an offer is for; None where probabilities are of no weeks.
        week: First of them, as the log numbers its weeks; None where it has none.
        budget: Of all offers in those weeks, in money; None for no bound.
        price: What one more unit of it would bring; 0 where it does not bind.
        max_offers_per_user: In those weeks; None for no bound.
    """

    policy: str
    levels: tuple[float, ...] = LEVELS
    promotion: Literal["percent", "amount"] = "percent"
    items: ItemSet = "all"
    k: int = 20
    weeks: int | None = None
    week: int | None = None
    budget: float | None = None
    price: float = 0.0
    max_offers_per_user: int | None = None

    @property
    def kind(self) -> Levels:
        """What is chosen among."""
        grid = np.asarray(self.levels, dtype=np.float64)
        return Amounts(grid) if self.promotion == "amount" else Levels(grid)


@dataclass(frozen=True)
class OfferFacts:
    """All that offers are made of, beside the scores of the model.

    Args:
        terms: What offers were decided with.
        calibration: What scores mean.
        scenario: What counts.
        economics: What is assumed of items of which the shop tells nothing.
        guardrails: What is allowed on them.
        items: A row for each item by code: ``price`` (missing if unknown), ``max_depth``, ``stock``, whether
            it is ``gone`` before the weeks are over, and the facts of `graphrec.offers.limits.item_facts`.
        users: A row for each user by code: ``affinity`` and ``elasticity``.
        eligible: Whom and what the scenario chooses; None for all.
        response: What was learnt of how people answer; None where elasticities are assumed.
    """

    terms: OfferTerms
    calibration: Calibration
    scenario: Scenario
    economics: Economics
    guardrails: Guardrails
    items: pd.DataFrame
    users: pd.DataFrame
    eligible: Eligibility | None = None
    response: LearnedResponse | None = None

    def parts(self) -> dict[str, bytes]:
        """Write the parts of an export."""
        response = None if self.response is None else self.response.written()
        content = {
            "terms": asdict(self.terms),
            "calibration": self.calibration.numbers(),
            "scenario": {name: getattr(self.scenario, name) for name in COUNTED},
            "economics": asdict(self.economics),
            "guardrails": asdict(self.guardrails),
            "response": response,
        }
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        found = {OFFERS: text.encode(), SHELF: _parquet(self.items), SAVINGS: _parquet(self.users)}
        if self.eligible is not None:
            arrays = {name: one for name, one in vars(self.eligible).items() if one is not None}
            found[MEANT] = save(
                {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
            )
        return found

    @classmethod
    def of(cls, parts: Mapping[str, bytes]) -> OfferFacts:
        """Read what `parts` wrote.

        Raises:
            KeyError: If something is missing.
            TypeError: If something is not what it should be.
            ValueError: The same.
        """
        content: dict[str, Any] = json.loads(parts[OFFERS])
        terms = dict(content["terms"])
        aim = dict(content["scenario"])
        aim["levels"] = None if aim["levels"] is None else tuple(aim["levels"])
        eligible = None
        if MEANT in parts:
            eligible = Eligibility(**{name: one.numpy() for name, one in load(parts[MEANT]).items()})
        learned = content["response"]
        return cls(
            OfferTerms(**terms | {"levels": tuple(terms["levels"])}),
            Calibration.of_numbers(content["calibration"]),
            Scenario(**aim),
            Economics(**content["economics"]),
            Guardrails(**content["guardrails"]),
            pd.read_parquet(io.BytesIO(parts[SHELF])),
            pd.read_parquet(io.BytesIO(parts[SAVINGS])),
            eligible,
            None if learned is None else LearnedResponse.of(learned),
        )

    def column(self, name: str, missing: float) -> FloatArray:
        """Take a column of the items as numbers. Shape ``[I]``."""
        found = self.items.get(name)
        if found is None:
            return np.full(len(self.items), missing)
        return found.fillna(missing).to_numpy(dtype=np.float64)


def _parquet(frame: pd.DataFrame) -> bytes:
    """Write a table, without what pandas keeps beside it."""
    buffer, bare = io.BytesIO(), frame.reset_index(drop=True)
    bare.attrs = {}
    bare.to_parquet(buffer, index=False)
    return buffer.getvalue()
