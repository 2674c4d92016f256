"""The log: a line of JSON for each request and each change, on standard error, without anything personal."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

_LOG = logging.getLogger("graphrec.serve")


class _Line(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, what happened and its fields."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{now}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage().partition("\n")[0],  # asyncio adds a future with all that it holds
        }
        fields = getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["fault"] = record.exc_info[0].__name__  # its words may hold the id of a shopper
        return json.dumps({**line, **{name: value for name, value in fields.items() if value is not None}})


def set_up_logs() -> None:
    """Send the lines of the service and those of its server to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    for name in ("graphrec.serve", "uvicorn.error", "asyncio"):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(logging.INFO if name == "graphrec.serve" else logging.WARNING)


def say(event: str, **fields: object) -> None:
    """Write a line."""
    _LOG.info(event, extra={"fields": fields})


def complain(event: str, **fields: object) -> None:
    """Write a line about what somebody should look at."""
    _LOG.warning(event, extra={"fields": fields})
