"""What an update says in the end, and the export of the new run."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from graphrec.cli.experiment.exports import export
from graphrec.cli.experiment.runs.folder import LAST, RunFolder
from graphrec.cli.offers.live import live_parts
from graphrec.cli.terminal import print_frame
from graphrec.cli.update.request import record_of
from graphrec.errors import InputError
from graphrec.files import PART
from graphrec.notices import note

RELOAD = "curl localhost:8000/model/reload -H 'Content-Type: application/json' -d '{}'"
"""What makes a service that answers from a folder of exports take the newest."""


def check_export(folder: Path | None) -> None:
    """Raise `InputError` if versions cannot be kept in a folder."""
    if folder is not None and folder.exists() and not folder.is_dir():
        hint = "name a folder; the new run gets a folder of its own in it"
        raise InputError("this is a file and no folder", file=folder, column="--export", hint=hint)


def ended(folder: Path, options: argparse.Namespace, *, again: bool) -> Path:
    """Print what was found, and export the new run.

    Args:
        folder: Of the new run, or of the record of a gate that stayed closed.
        options: Of the command: where exports are kept, if anywhere, and what is packed.
        again: Whether it was found before.

    Returns:
        The checkpoint of the new run.

    Raises:
        SystemExit: With code 1, if the gate stayed closed.
    """
    record = record_of(folder)
    if again:
        note("this update was made before; nothing is fitted again")
    _print(folder, record)
    if not record["opens"]:
        print(f"graphrec: the gate stays closed, so {record['of']} goes on to serve", file=sys.stderr)
        raise SystemExit(1)
    checkpoint = RunFolder(folder).refit.checkpoints / LAST
    print(f"run: {folder}")
    if options.export is not None:
        _export(checkpoint, options.export / folder.name, options)
    print(f"next: graphrec recommend --ckpt_path {shlex.quote(str(checkpoint))} --out items.parquet")
    return checkpoint


def _print(folder: Path, record: dict[str, Any]) -> None:
    """Print the drift as tables and the verdict of the gate as a line."""
    print(record["log"]["said"])
    rows = [{"of": name, **counts} for name, counts in record["drift"]["population"].items()]
    print_frame(pd.DataFrame(rows), "Who and what is new")
    for line in record["drift"]["said"]:
        print(line)
    tenths = folder / "drift_tenths.csv"
    if tenths.is_file():
        print_frame(pd.read_csv(tenths), "What was foretold and what was bought, by tenth")
    print(f"gate: {'open' if record['opens'] else 'closed'}; {record['gate']['said']}")
    if newcomers := record["gate"]["newcomers"]:
        value = record["gate"]["newcomers_ndcg"]
        print(f"newcomers: {newcomers:,} users that only the new model knows have {value:.4f}")


def _export(checkpoint: Path, out: Path, options: argparse.Namespace) -> None:
    """Pack the new run, unless that was done before."""
    if out.is_dir():
        note(f"{out} is there already")
    else:
        task, data, offers = live_parts(options, checkpoint, out)
        out.parent.mkdir(parents=True, exist_ok=True)
        for left in out.parent.glob(f".{out.name[:40]}.*{PART}"):  # of a command that was killed
            shutil.rmtree(left, ignore_errors=True)
        export(checkpoint, task, data, out, options.trust, offers)
    print(f"export: {out}")
    print(f"reload: {RELOAD}")
