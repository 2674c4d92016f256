"""What a fit costs: its seconds, and the most memory that it held."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class FitCost:
    """A clock that may be stopped between building a model and training it, and the memory at its peak.

    Args:
        device: Where the model is trained.
    """

    def __init__(self, device: torch.device) -> None:
        self.seconds, self._device, self._started = 0.0, device, time.perf_counter()
        self._is_running = False
        with suppress(OSError):  # not Linux, or not allowed: the peak is then that of the whole process
            _CLEAR.write_text("5")
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def go(self) -> None:
        """Let the clock run."""
        self._started, self._is_running = time.perf_counter(), True

    def stop(self) -> None:
        """Stop the clock, if it runs."""
        if self._is_running:
            self.seconds += time.perf_counter() - self._started
            self._is_running = False

    def peaks(self) -> dict[str, float]:
        """Measure the memory at its peak in bytes: of this process and, where it trains on one, of a GPU."""
        found = {"peak_process_bytes": float(_peak_of_process())}
        if self._device.type == "cuda":
            found["peak_gpu_bytes"] = float(torch.cuda.max_memory_allocated(self._device))
        return found


def _peak_of_process() -> int:
    """Read the peak since it was last cleared; where the system does not tell it, since the process began."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
