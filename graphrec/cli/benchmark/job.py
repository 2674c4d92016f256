"""What a process of a benchmark is: a job on standard input, and a file with what came of it."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphrec import __version__
from graphrec.cli.start_up import keep_freed_memory, let_waiting_threads_sleep, own_process
from graphrec.errors import InputError
from graphrec.files import write_text

_OF_PROCESS = ("args", "folder", "name")


def do_job(action: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read a job, do it, and write what came of it into its folder.

    Args:
        action: Does it; its result joins what the job says of itself.
    """
    let_waiting_threads_sleep()
    keep_freed_memory()
    own_process.set(True)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        result = action(job)
    except InputError as error:
        result = {"failed": str(error)}
    except MemoryError:
        result = {"failed": "there was not enough memory"}
    except Exception as error:
        traceback.print_exc()
        result = {"failed": f"{type(error).__name__}: {str(error).partition(chr(10))[0]} (see log.txt)"}
    write_result(job, result)


def write_result(job: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Write what came of a job into the file that it names, whole or not at all.

    Args:
        job: With ``folder`` and ``result``, the name of the file.
        result: What came of it.

    Returns:
        What the file holds.
    """
    content = {key: value for key, value in job.items() if key not in _OF_PROCESS} | result
    content["graphrec"] = __version__
    write_text(Path(job["folder"]) / job["result"], json.dumps(content, indent=1) + "\n")
    return content


def _end_with_parent() -> None:
    """End, even in the middle of a fit, when the benchmark is gone."""
    sys.stdin.read()
    os._exit(1)
