"""How a process that is a command begins, and that other processes are left as they are."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from graphrec.cli.start_up import keep_freed_memory

def chain():
    tables = [torch.ones(18 << 20, dtype=torch.uint8) for _ in range(3)]
    while tables:
        tables.pop(0)

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_freed_memory()
for _ in range(20):
    chain()
before = faults()
for _ in range(20):
    chain()
print((faults() - before) * resource.getpagesize() / (20 * 3 * (18 << 20)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc of glibc")
def test_small_tables_are_not_new_memory_each_time():
    """Left to itself, every second process clears all of it again and again: so there are six."""
    command = [sys.executable, "-c", FAULTS]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    shares = [float(process.communicate()[0]) for process in processes]
    assert max(shares) < 0.05


def test_an_import_sets_nothing_for_the_process(tmp_path):
    """A notebook keeps its own malloc and threads: only the command changes them."""
    script = tmp_path / "script.py"
    script.write_text(
        "import ctypes, os\n"
        "real = ctypes.CDLL\n"
        "def loaded(name, *args, **options):\n"
        "    assert name is not None, 'malloc was asked for'\n"
        "    return real(name, *args, **options)\n"
        "ctypes.CDLL = loaded\n"
        "before = dict(os.environ)\n"
        "import torch, graphrec.kernels.sparse, graphrec.cli.main, graphrec.training\n"
        "import scipy.sparse as sp\n"
        "matrix = graphrec.kernels.sparse.SparseMatrix(sp.eye_array(5), symmetric=True)\n"
        "assert matrix(torch.ones(5, 2)).sum() == 10\n"
        "assert 'GOMP_SPINCOUNT' not in {**os.environ} or 'GOMP_SPINCOUNT' in before\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
