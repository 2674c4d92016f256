"""Memory of the CPU for tables: large pages for what malloc does not keep, and what is free.

New memory costs more than it looks like: the system clears it page by page when it is first written, which
takes as long as a third of a product. So tables that come and go with every step should not be new.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from graphrec.errors import InputError

_SMALL_BYTES = 32 << 20
"""The most that malloc of glibc keeps; larger tables always are memory of their own."""
_UNASKED_BYTES = 1 << 30
"""What is taken without looking whether it is free."""


def is_large(rows: int, width: int, dtype: torch.dtype) -> bool:
    """Tell whether a table is one that malloc does not keep when it is freed."""
    return rows * width * dtype.itemsize > _SMALL_BYTES


def in_large_pages(rows: int, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Allocate memory on the CPU, ``[rows, width]``, in pages of 2 MB where Linux has some.

    NumPy asks for them, torch does not. A gather from a large table then misses far fewer addresses.
    """
    size = rows * width * dtype.itemsize
    memory = torch.from_numpy(np.empty(size + 4096, dtype=np.uint8))
    start = -memory.data_ptr() % 4096  # NumPy's own start may lie within a cache line
    return memory[start : start + size].view(dtype).view(rows, width)


def available_memory() -> float:
    """Count the bytes that can be allocated without swapping; a container's limit counts."""
    limits = [float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))]
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        limits.append(float(fields["MemAvailable"].split()[0]) * 1024)
    group = Path("/sys/fs/cgroup")
    if (group / "memory.max").exists() and (most := (group / "memory.max").read_text().strip()) != "max":
        limits.append(float(most) - float((group / "memory.current").read_text()))
    return min(limits)


def check_room(needed: float, **values: float) -> None:
    """Refuse arguments that ask for more memory than there is; what is small is not looked into.

    Args:
        needed: Bytes.
        values: The arguments by name.

    Raises:
        InputError: It names the arguments and the memory.
    """
    if needed <= _UNASKED_BYTES or needed <= (free := available_memory()):
        return
    named = ", ".join(f"{name} {value:g}" for name, value in values.items())
    raise InputError(
        f"{named} needs {needed / 1e9:,.1f} GB of memory and {free / 1e9:,.1f} GB are free",
        column=next(iter(values)),
        hint="give less",
    )
