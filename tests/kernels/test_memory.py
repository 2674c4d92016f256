"""Memory that is kept, and memory in large pages."""

from __future__ import annotations

import pytest
import torch

from graphrec.kernels.memory import in_large_pages, is_large


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
