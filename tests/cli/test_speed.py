"""What a help costs: which libraries it loads, and the CPU seconds of its process."""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys

import pytest

from graphrec.cli.commands import COMMANDS
from graphrec.cli.main import LIGHTNING, parser
from graphrec.cli.start_up import importing, own_process

HEAVY = ("torch", "pandas", "pyarrow", "pytorch_lightning", "torch_geometric", "wandb", "scipy", "sklearn")
LIGHT_SECONDS, LIGHTNING_SECONDS = 0.5, 12.0
"""Several times what was measured (0.06, `offers` 0.15, `fit` 3.7): a busy machine keeps them too."""

each_light = pytest.mark.parametrize("command", ["", *COMMANDS])


def subparsers(root: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (one for one in root._actions if isinstance(one, argparse._SubParsersAction))
    return action.choices


def cpu_seconds(words: list[str]) -> float:
    """CPU seconds, user and system, of a process that runs graphrec."""
    child = subprocess.Popen([sys.executable, "-m", "graphrec", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return used.ru_utime + used.ru_stime


@each_light
def test_a_light_help_loads_no_heavy_library(command):
    words = [*command.split(), "--help"]
    code = f"""
import sys
from graphrec.cli import console
try:
    console({words})
except SystemExit as end:
    assert not end.code
    print("loaded:", *(name for name in {HEAVY} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded:"


@pytest.mark.parametrize(
    "words", ["", "data", "data check", "data describe", "compare", "recommend", "offers"]
)
def test_a_light_help_takes_half_a_second_of_cpu(words):
    assert cpu_seconds([*words.split(), "--help"]) < LIGHT_SECONDS


def test_the_help_of_fit_takes_seconds():
    assert cpu_seconds(["fit", "--help"]) < LIGHTNING_SECONDS


@pytest.mark.parametrize("command", ["", "nonsense", *LIGHTNING, *COMMANDS])
def test_the_parser_of_one_command_says_what_that_of_all_says(command):
    one, whole = parser(command), parser()
    assert one.format_help() == whole.format_help()
    if command in COMMANDS:
        assert subparsers(one)[command].format_help() == subparsers(whole)[command].format_help()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_as_before_after_an_import(enabled):
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with importing():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_only_a_process_of_the_command_itself_sets_objects_aside():
    gc.unfreeze()
    with importing():
        pass
    assert gc.get_freeze_count() == 0
    token = own_process.set(True)
    try:
        with importing():
            pass
        frozen = gc.get_freeze_count()
        assert frozen > 0
        left = [[] for _ in range(1000)]  # as a first fit leaves models behind
        with importing():
            pass
        assert gc.get_freeze_count() <= frozen, len(left)
    finally:
        own_process.reset(token)
        gc.unfreeze()
