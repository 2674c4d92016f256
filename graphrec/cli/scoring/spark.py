"""Parts on Spark: each worker loads the export once, scores whole parts and writes their files."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from graphrec.cli.experiment.live import load_live
from graphrec.cli.scoring.part import Part, Work, scored
from graphrec.data.engine.backends import spark_sessions, without_pandas_warning
from graphrec.errors import InputError
from graphrec.serving.live.model import LiveModel

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_GIVEN = "number long, users array<string>"
_FOUND = "number long, users long, without long, rows long, spend double, sha256 string"
_KINDS = {"long": pa.int64(), "double": pa.float64(), "string": pa.string()}
_RESULT = pa.schema([(name, _KINDS[kind]) for name, kind in (one.split() for one in _FOUND.split(", "))])
_WAVES = 4
"""Parts of each core between two entries in the manifest."""
_QUIET = {
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
}


def on_spark(work: Work, parts: Sequence[tuple[int, Sequence[str]]]) -> Iterator[Part]:
    """Score parts on a Spark session: the active one, or one as Spark is configured, else on all cores.

    Args:
        work: What is asked for; its paths mean the same to all workers.
        parts: Number and users of each.

    Yields:
        What each came to, as soon as its wave is done.

    Raises:
        InputError: If PySpark or Java is not there, or a worker failed.
    """
    from pyspark.errors import PySparkException

    with _session() as session:
        context = session.sparkContext
        size = _WAVES * context.defaultParallelism
        for begin in range(0, len(parts), size):
            wave = [(number, list(users)) for number, users in parts[begin : begin + size]]
            try:
                with without_pandas_warning():
                    frame = session.createDataFrame(context.parallelize(wave, len(wave)), _GIVEN)
                    rows = frame.mapInArrow(partial(_scored, work), _FOUND).collect()
            except PySparkException as error:
                raise _failed(error) from error
            yield from sorted((Part(**row.asDict()) for row in rows), key=lambda part: part.number)


def _scored(work: Work, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Score what comes to a worker; in Arrow, for PySpark 4 warns of pandas 3 in ``mapInPandas``."""
    for batch in batches:
        model = _loaded(work.model, work.trust, work.version)
        found = [scored(model, work, row["number"], row["users"]) for row in batch.to_pylist()]
        yield pa.RecordBatch.from_pylist([asdict(part) for part in found], schema=_RESULT)


@lru_cache(maxsize=1)
def _loaded(path: str, trust: bool, version: str) -> LiveModel:
    """Load the export once in a worker; what that says, the command has said already."""
    with redirect_stderr(io.StringIO()):
        model = load_live(Path(path), trust)
    if model.version != version:
        what = f"is now version {model.version}, and was {version} when the command began"
        raise InputError(what, file=path, hint="run the command again")
    return model


@contextmanager
def _session() -> Iterator[SparkSession]:
    """Take the active session, or start one and stop it in the end.

    Raises:
        InputError: If it does not start.
    """
    sessions = spark_sessions()
    active = sessions.getActiveSession()
    if active is not None:
        yield active
        return
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers take the first python3 of the path
    builder: Any = sessions.builder.appName("graphrec score")
    for name, value in _QUIET.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except Exception as error:  # of Java, of py4j or of Spark, by what is wrong
        hint = "Spark needs a Java runtime (17 or newer); or leave --engine out"
        raise InputError(f"Spark does not start: {_line(error)}", column="--engine", hint=hint) from error
    try:
        yield session
    finally:
        session.stop()


def _failed(error: Exception) -> InputError:
    """Put what a worker said into one line: its own mistake if it told one."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = [line for line in lines if line.startswith("graphrec.errors.InputError:")]
    what = told[0].partition(":")[2].strip() if told else _line(error)
    hint = "parts that are done stay done: mend it and run the command again"
    return InputError(f"a worker of Spark failed: {what}", hint=hint)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
