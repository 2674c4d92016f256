"""Settings by their dotted keys, as a command line has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def as_arguments(settings: Mapping[str, Any]) -> list[str]:
    """Write settings as options of a fit; YAML reads JSON."""
    return [f"--{key}={one if isinstance(one, str) else json.dumps(one)}" for key, one in settings.items()]
