"""What is noted of a request while it is answered, for its line in the log."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, cast

_KEY = "graphrec"


@dataclass
class Notes:
    """Notes of a request; nothing of them is about the shopper.

    Args:
        request_id: Given by who asks, or made.
        caller: Name of the API key.
        version: Of the model that answered.
        degraded: Whether the store did not answer.
        fault: Type and place of an error of ours.
    """

    request_id: str
    caller: str | None = None
    version: str | None = None
    degraded: bool = False
    fault: str | None = None


def notes_of(scope: MutableMapping[str, Any]) -> Notes:
    """Give the notes of a request."""
    return cast(Notes, scope.setdefault(_KEY, Notes("")))


def begin(scope: MutableMapping[str, Any], request_id: str) -> Notes:
    """Begin the notes of a request."""
    notes = Notes(request_id)
    scope[_KEY] = notes
    return notes
