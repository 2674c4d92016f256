"""The same expressions on DuckDB and on Spark."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from large_logs import frames, logs, write_parts
from spark_session import spark_session

from graphrec.data.engine.backends import DuckDB, Spark
from graphrec.data.engine.large import LargeLog
from graphrec.errors import InputError

pytestmark = pytest.mark.timeout(900)  # a Java machine starts in ten seconds, or in a hundred on busy cores


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    with spark_session(tmp_path_factory.mktemp("warehouse")) as session:
        yield session


@pytest.mark.parametrize(
    "case", ["rated", *(pytest.param(one, marks=pytest.mark.slow) for one in ("pairs", "grocer"))]
)
def test_duckdb_and_spark_give_equal_frames(case: str, spark, tmp_path) -> None:
    folder = write_parts(logs()[case], tmp_path / "log")
    one, other = (frames(engine, case, folder) for engine in (DuckDB("500MB", 2), Spark(spark)))
    assert list(one) == list(other)
    for name, frame in one.items():
        assert len(frame)
        pd.testing.assert_frame_equal(frame, other[name], check_dtype=False, rtol=1e-6, atol=1e-9, obj=name)


def test_a_log_is_read_alike_on_both(spark, tmp_path) -> None:
    folder = write_parts(logs()["pairs"], tmp_path / "log")
    columns = {"user_id": "customer", "item_id": "sku"}
    one, other = (
        LargeLog.read(folder, columns, engine=engine) for engine in (DuckDB(threads=1), Spark(spark))
    )
    assert one.users.ids.tolist() == other.users.ids.tolist() == ["10", "11", "12", "8", "9"]
    assert one.items.ids.tolist() == other.items.ids.tolist()
    for name, values in vars(one.edges()).items():
        np.testing.assert_array_equal(values, getattr(other.edges(), name))


def test_a_session_of_another_time_zone_is_refused(spark) -> None:
    spark.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    try:
        with pytest.raises(InputError, match="time zone is Asia/Shanghai, not UTC"):
            Spark(spark)
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")


def test_reading_a_table_does_not_load_pyspark(tmp_path) -> None:
    """Pandera would, with a warning of its own, wherever PySpark is installed."""
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    (tmp_path / "log.csv").write_text("user_id,item_id,quantity\na,x,1\nb,y,2\n")
    code = "import sys; from graphrec.data.sources import table; table('log.csv');"
    code += "print('pandera' in sys.modules, 'pyspark' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert (done.stdout.strip(), done.stderr) == ("True False", "")
