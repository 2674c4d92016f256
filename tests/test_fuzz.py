"""Thousands of damaged files: each is read right or refused in one line, by every source and split.

``make test-slow`` runs all; ``python tests/test_fuzz.py [COUNT] [SOURCE]`` prints what comes out of how many.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "helpers"))  # where it is run as a script

from fuzz_commands import command, config, lay_out
from fuzz_commands import outcome as outcome_of
from fuzz_sources import SETS, outcome, write

COUNT, COMMANDS = 2_200, 600
FINE = ("read", "done", "refused", "slow")


def outcomes(source: str, seeds: range, folder: Path) -> dict[int, str]:
    """What became of each seed; what the reader printed is left out."""
    found = {}
    for seed in seeds:
        arguments = write(source, seed, folder)
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            found[seed] = outcome(source, arguments)
    return found


def wrong(found: dict[int, str]) -> list[str]:
    """The outcomes that nobody should see, with their seeds."""
    return [f"seed {seed}: {said}" for seed, said in found.items() if said not in FINE]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("source", SETS)
def test_thousands_of_damaged_files_are_read_or_refused_in_one_line(source, tmp_path):
    found = outcomes(source, range(COUNT), tmp_path)
    assert not wrong(found), "\n".join(wrong(found)[:20])
    assert min(Counter(found.values())[kind] for kind in ("read", "refused")) > COUNT / 20


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["yaml", "command"])
def test_hundreds_of_damaged_yamls_and_commands_are_run_or_refused(kind, tmp_path, monkeypatch, capfd):
    """Each as the console runs it; what goes on longer than half a minute is stopped and counts as done."""
    monkeypatch.chdir(tmp_path)

    def said() -> str:
        return "".join(capfd.readouterr())

    lay_out(said)
    found = {}
    for seed in range(COMMANDS):
        args = command(seed, f"out{seed}") if kind == "command" else ["fit", "-c", "c.yaml"]
        if kind == "yaml":
            Path("c.yaml").write_bytes(config(seed))
        found[seed] = outcome_of(args, said)
    assert not wrong(found), "\n".join(wrong(found)[:20])
    assert Counter(found.values())["done"] > COMMANDS / 20


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    for name in sys.argv[2:] or SETS:
        with tempfile.TemporaryDirectory() as folder:
            found = outcomes(name, range(count), Path(folder))
        failed = wrong(found)
        counts = Counter(found.values())
        print(
            f"{name}: {count} inputs, {counts['read']} read, {counts['refused']} refused, {len(failed)} wrong"
        )
        print("".join(f"  {line[:220]}\n" for line in failed), end="")
