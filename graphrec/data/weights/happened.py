"""An event after training, as the weights of rows see it."""

from __future__ import annotations

from typing import NamedTuple


class Happened(NamedTuple):
    """What is known of one event after training: its kind, units, and age in days before the last of all."""

    kind: str
    quantity: float
    age: float
