"""From purchase probabilities to offers: response curves, policies, guardrails, budget, the offers table."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Department(ModuleType):
    """A package that can be called: ``gr.offers(run, ...)`` and ``import graphrec.offers`` share a name."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Decide offers: see `graphrec.front.offers.offers`, which has the arguments."""
        return importlib.import_module("graphrec.front.offers").offers(*args, **options)


sys.modules[__name__].__class__ = _Department
