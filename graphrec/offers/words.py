"""What the reasons of offers on items say: the fields of their texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphrec.arrays import FloatArray
from graphrec.offers.decision import Decision
from graphrec.offers.economics import percent
from graphrec.offers.limits.rates import tightest
from graphrec.offers.pairs import Pairs
from graphrec.offers.reasons import Field, written


def reasons_of(decision: Decision, pairs: Pairs) -> tuple[list[str], list[str]]:
    """Write out why each pair has its rate.

    Args:
        decision: Rates and reasons. ``P`` pairs.
        pairs: What was known of them.

    Returns:
        Codes, and codes with words. ``P`` each.
    """
    nothing = np.zeros(len(pairs))
    asked = nothing if decision.asked is None else decision.asked
    gain = nothing if decision.gain is None else decision.gain
    guardrails = pairs.guardrails
    fields = {
        "asked": _each(asked, percent),
        "planned": _each(decision.rate if decision.planned is None else decision.planned, percent),
        "gain": _each(gain, "{:+.2g}".format),
        "limit": _each(tightest(pairs.limits), percent),
        "score": _each(pairs.unit_score, "{:.4f}".format),
        "share": _each(pairs.affinity, "{:.4f}".format),
        "factor": _same(f"{decision.factor:g}"),
        "levels": _same(str(decision.levels)),
        "measure": _same(pairs.scenario.measure),
        "margin": _each(np.broadcast_to(pairs.economics.margin, len(pairs)), percent),
        "min_margin": _each(np.broadcast_to(guardrails.floor(pairs.economics), len(pairs)), percent),
        "spread": _same(percent(guardrails.max_spread or 0.0)),
        "scenario": _same(pairs.scenario.name),
        "eligible": _same("bought before" if pairs.scenario.pairs == "seen" else "not bought before"),
        "said": lambda rows: [] if decision.said is None else [str(one) for one in decision.said[rows]],
    }
    return written(decision.reasons, fields)


def _each(values: FloatArray, form: Callable[[float], str]) -> Field:
    """Make a field with a number for each pair."""
    return lambda rows: [form(value) for value in values[rows].tolist()]


def _same(text: str) -> Field:
    """Make a field that says the same for every pair."""
    return lambda rows: [text] * len(rows)
