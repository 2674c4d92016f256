"""Which policy serves: a small file that `graphrec offers --serving` reads, and every version of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphrec.errors import InputError
from graphrec.files import write_text
from graphrec.offpolicy.estimators import PolicyValue
from graphrec.offpolicy.loop.learned import LearnedResponse

FILE = "serving.json"
POLICY = "knapsack"
"""The policy that a learnt response serves with."""


@dataclass(frozen=True)
class Serving:
    """What serves, and what may serve next.

    Args:
        version: Counted from 1; 0 is what served before the first promotion.
        reason: What the gate said last.
        response: What the policy decides with; None before the first promotion.
        challenger: What was learnt last. Half of what `--explore` leaves to chance tries it.
        foretold: How weeks under this version were foretold, see `graphrec.offpolicy.loop.judging.Judgement`.
    """

    version: int
    reason: str
    response: LearnedResponse | None
    challenger: LearnedResponse
    foretold: tuple[PolicyValue, ...] = ()


def read_serving(path: Path) -> Serving:
    """Read the policy that serves.

    Raises:
        InputError: If the file is missing or no such file.
    """
    if not path.is_file():
        hint = f"`graphrec feedback --promote` writes {FILE}"
        raise InputError("there is no such file", file=path, column="--serving", hint=hint)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        written = content["response"]
        response = None if written is None else LearnedResponse.of(written)
        challenger = LearnedResponse.of(content["challenger"])
        foretold = tuple(PolicyValue(float(one), float(error)) for one, error in content.get("foretold", []))
        return Serving(int(content["version"]), str(content["reason"]), response, challenger, foretold)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        hint = f"give {FILE} as `graphrec feedback --promote` wrote it"
        raise InputError("says of no policy that it serves", file=path, hint=hint) from error


def write_serving(serving: Serving, folder: Path) -> Path:
    """Write what serves. Each version that served stays as ``serving-0001.json`` and so on."""
    content = {
        "version": serving.version,
        "policy": POLICY if serving.response else None,
        "reason": serving.reason,
        "response": serving.response.written() if serving.response else None,
        "challenger": serving.challenger.written(),
        "foretold": [[one.value, one.standard_error] for one in serving.foretold],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    own = folder / f"serving-{serving.version:04d}.json"
    if serving.response and not own.exists():
        write_text(own, text)
    return write_text(folder / FILE, text)
