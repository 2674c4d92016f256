"""How a service was asked to run, in a form that passes from one process to another."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

VARIABLE = "GRAPHREC_SERVE"
"""Of the environment of the processes that answer."""


@dataclass(frozen=True)
class Settings:
    """What `graphrec serve` was told; paths and addresses as text.

    Args:
        model: An export, a link to one, or a folder of several.
        store: Address of the store.
        keys: File of API keys; None for no keys, which is for one's own machine alone.
        other: The second model: it answers `share` of the shoppers, or none of them and is only compared.
        share: Of the shoppers that the second model answers, in [0, 1].
        salt: File of the salt that deals shoppers out.
        desk: Whether there is an offers desk.
        budget: Money of a horizon; None takes that of the export.
        max_offers: For a shopper within a horizon; None takes that of the export.
        weeks: How long a horizon is; None takes what the export was decided for.
        deadline: Seconds after which a request is given up.
        waiting: Requests that may be in work or wait for it; the next one is turned away.
        threads: That answer, in each process.
        control: Folder in which the processes tell each other of a reload.
        trust: Whether a model may name code that is not graphrec's.
    """

    model: str
    store: str
    keys: str | None = None
    other: str | None = None
    share: float = 0.0
    salt: str | None = None
    desk: bool = False
    budget: float | None = None
    max_offers: int | None = None
    weeks: int | None = None
    deadline: float = 2.0
    waiting: int = 64
    threads: int = 2
    control: str | None = None
    trust: bool = False

    def packed(self) -> str:
        """Write them as text."""
        return json.dumps(asdict(self))

    @classmethod
    def unpacked(cls, text: str) -> Settings:
        """Read what `packed` wrote."""
        return cls(**json.loads(text))
