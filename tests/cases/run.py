"""Run the small cases against an installed ``graphrec`` and print case → ok, or what is wrong.

examples:
  python tests/cases/run.py                                  # the graphrec beside this Python
  python tests/cases/run.py --graphrec /opt/venv/bin/graphrec y01 i02
  python tests/cases/run.py --in_process                     # without a process per command, minutes faster

Names are the beginnings of cases; without any, all are run. Exit code 1 if one fails.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cases import inputs, models, offers, rows
from cases.shop import Run, Shell, as_process, in_this_process

CASES: dict[str, Callable[[Shell], None]] = {
    name: case
    for module in (inputs, rows, models, offers)
    for name, case in vars(module).items()
    if name[0].isalpha() and name[1:3].isdigit() and callable(case)
}
"""By name; the docstring of a case says what a user expects."""


def run_case(name: str, run: Run) -> None:
    """Run a case in a new folder; raises `AssertionError` with what is wrong."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "shop"  # what a case writes beside its own folder can then be seen
        place.mkdir()
        os.chdir(place)
        try:
            CASES[name](Shell(run))
        finally:
            os.chdir(before)


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    beside = Path(sys.executable).with_name("graphrec")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="beginnings of names; all if missing")
    parser.add_argument("--graphrec", default=str(beside), help=f"the command (default {beside})")
    parser.add_argument("--in_process", action="store_true", help="call it in this process")
    options = parser.parse_args()
    run = in_this_process if options.in_process else as_process(shlex.split(options.graphrec))
    chosen = [
        name for name in CASES if not options.cases or any(name.startswith(head) for head in options.cases)
    ]
    failed = 0
    for name in chosen:
        started = time.monotonic()
        try:
            run_case(name, run)
            said = "ok"
        except Exception as error:
            failed += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            said = " ".join(f"{Path(place.filename).name}:{place.lineno} {place.line} {error}".split())[:400]
        print(f"{name:36} {time.monotonic() - started:5.1f} s  {said}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} cases ok")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
