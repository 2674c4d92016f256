"""What holds for every test: one thread per process, nothing uploaded, no seed left over from another."""

from __future__ import annotations

import os

import pytest

# the tensors of the tests are tiny: threads would only wait for each other, here and in subprocesses
os.environ.setdefault("OMP_NUM_THREADS", "1")
# the service of W&B takes its mode from the test that happens to start it, and serves all that follow
os.environ.setdefault("WANDB_MODE", "offline")
# a fifth of a small fit goes into the list of all packages that are installed, which no test reads
os.environ.setdefault("WANDB__SAVE_REQUIREMENTS", "false")


@pytest.fixture(autouse=True)
def _seed_of_this_test_alone(monkeypatch):
    """`seed_everything` leaves PL_GLOBAL_SEED behind, which `run_seed` reads."""
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
