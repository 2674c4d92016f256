"""Python run as a process of its own, and scripts outside the package loaded as modules."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def run_python(*command: str, folder: Path) -> str:
    """Run Python in a folder; its output."""
    environment = {**os.environ, "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]  # a test run as a script needs these
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    for inherited in ("WANDB_SERVICE", "PL_GLOBAL_SEED"):  # of earlier tests in this process
        environment.pop(inherited, None)
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def load_script(name: str) -> ModuleType:
    """A script of the experiments as a module."""
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
