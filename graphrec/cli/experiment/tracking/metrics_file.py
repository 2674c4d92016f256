"""``metrics.csv``: a row per epoch and part, never torn by a full disk or a kill."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter

from graphrec.files import cannot_be_written, write_text


class MetricsFile(CSVLogger):
    """Lightning's logger, but each row is written whole or not at all."""

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """What writes the file; in processes other than the first, a logger that does nothing."""
        if self._experiment is None:
            self._experiment = _WholeRows(self.log_dir)
        return self._experiment


class _WholeRows(ExperimentWriter):
    """Adds rows by a single write, and takes back what a full disk cut off."""

    def save(self) -> None:
        """Write what was recorded since the last time.

        Raises:
            InputError: If it cannot be written; the file then ends with the last whole row.
        """
        if not self.metrics:
            return
        file = Path(self.metrics_file_path)
        self._record_new_keys()
        if _header_of(file) != list(self.metrics_keys):  # asked of the file: a Ctrl-C may have come before it
            before = _rows_of(file)
            write_text(file, _as_csv([*before, *self.metrics], self.metrics_keys, header=True))
        else:
            append(file, _as_csv(self.metrics, self.metrics_keys, header=False))
        self.metrics = []


def append(file: Path, text: str) -> None:
    """Add text to a file, all of it or nothing.

    Raises:
        InputError: If it cannot be written.
    """
    handle = os.open(file, os.O_WRONLY | os.O_APPEND)
    content = text.encode()
    size = os.fstat(handle).st_size
    try:
        written = os.write(handle, content)
        if written < len(content):  # the rest would tell why there is no room
            os.write(handle, content[written:])
    except OSError as error:
        os.ftruncate(handle, size)
        raise cannot_be_written(file, error) from error
    finally:
        os.close(handle)


def _header_of(file: Path) -> list[str] | None:
    """Read the names of the columns; None where there is no file."""
    if not file.is_file():
        return None
    with file.open(newline="", encoding="utf-8") as content:
        return next(csv.reader(content), None)


def _rows_of(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as content:
        return list(csv.DictReader(content))


def _as_csv(rows: Iterable[Mapping[str, Any]], keys: Sequence[str], *, header: bool) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=keys)
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
