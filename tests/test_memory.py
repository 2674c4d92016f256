"""Memory that is kept, and memory in large pages."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from graphrec.memory import in_large_pages, is_large

FAULTS = """
import resource, sys, torch
from graphrec.memory import keep_small_tables

def tables():
    return [torch.ones(16 << 20, dtype=torch.uint8) for _ in range(5)]

if sys.argv[1] == "keep":
    keep_small_tables()
for _ in range(3):
    tables()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    tables()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc of glibc")
def test_small_tables_are_not_new_memory_each_time():
    faults = {}
    for how in ("keep", "leave"):
        command = [sys.executable, "-c", FAULTS, how]
        faults[how] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert faults["keep"] < 100 < 10_000 < faults["leave"]


def test_tables_above_32_mb_are_large():
    assert not is_large(1 << 17, 64, torch.float32)
    assert is_large((1 << 17) + 1, 64, torch.float32)
    assert not is_large((1 << 17) + 1, 64, torch.bfloat16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_in_large_pages_starts_with_a_page_and_may_be_written(dtype):
    table = in_large_pages(30_000, 70, dtype)  # above the 4 MB from which NumPy asks for large pages
    assert table.shape == (30_000, 70)
    assert table.dtype == dtype
    assert table.data_ptr() % 4096 == 0
    assert table.is_contiguous()
    table.fill_(2)
    assert table.float().sum() == 2 * table.numel()
    assert in_large_pages(0, 5, dtype).shape == (0, 5)
