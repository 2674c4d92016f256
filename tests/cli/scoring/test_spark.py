"""`graphrec score --engine spark` writes the very files of the local engine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bulk_shop import exports, manifest, parts_of
from processes import environment
from spark_session import spark_session

from graphrec.cli.main import main
from graphrec.cli.scoring.part import Work
from graphrec.errors import InputError

pytestmark = pytest.mark.timeout(900)  # a Java machine starts in ten seconds, or in a hundred on busy cores


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        with spark_session(tmp_path_factory.mktemp("warehouse")) as session:
            yield session


def test_spark_writes_the_files_of_the_local_engine_and_goes_on_with_them(
    spark, tmp_path, monkeypatch, capfd
) -> None:
    monkeypatch.chdir(tmp_path)
    exports()
    for kind in ("offers", "lists"):
        words = ["score", f"{kind}.zip", "-k", "5", "--part_size", "3", "--out"]
        main([*words, f"local_{kind}"])
        here = parts_of(Path(f"local_{kind}"))
        assert len(here) == 14
        main([*words, f"spark_{kind}", "--engine", "spark"])
        assert parts_of(Path(f"spark_{kind}")) == here
        assert manifest(Path(f"spark_{kind}")) == manifest(Path(f"local_{kind}"))
    Path("local_lists/part-00007.parquet").unlink()
    capfd.readouterr()
    main([*words, "local_lists", "--engine", "spark"])
    assert "13 of 14 parts are there already" in capfd.readouterr().err
    assert parts_of(Path("local_lists")) == here


def test_what_fails_in_a_worker_is_told_in_one_line(spark, tmp_path) -> None:
    from graphrec.cli.scoring.spark import on_spark

    work = Work(str(tmp_path / "gone.zip"), "abc", str(tmp_path), 3, offers=False)
    with pytest.raises(
        InputError, match=r"a worker of Spark failed: .*gone\.zip: there is no such file"
    ) as told:
        list(on_spark(work, [(0, ["a"])]))
    assert "\n" not in str(told.value)


def _measured(folder: Path, *words: str) -> tuple[float, float]:
    """Run a command alone; its seconds, and the most memory that it had, in MB."""
    began = time.monotonic()
    command = [sys.executable, "-m", "graphrec", *words]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.monotonic() - began, used.ru_maxrss / 1024


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_users_on_both_engines(spark, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    users, items = 100_000, 800
    rows = 5 * users
    user = np.concatenate([np.arange(users), rng.integers(users, size=rows - users)])
    log = {"user_id": [f"{one:06d}" for one in user], "item_id": rng.zipf(1.3, rows) % items}
    pd.DataFrame({**log, "timestamp": rng.integers(1_600_000_000, 1_690_000_000, rows)}).to_parquet(
        "log.parquet"
    )
    main(["fit", "-m", "item_cf", "--data", "log.parquet", "--run.name", "many", "--run.id", "a"])
    main(["export", "runs/many/a", "--out", "many.zip"])
    few = [f"{one:06d}" for one in range(5000)]
    pd.DataFrame({"user_id": few}).to_csv("few.csv", index=False)
    _, one_part = _measured(tmp_path, "score", "many.zip", "--out", "few", "--users", "few.csv")
    seconds, peak = _measured(tmp_path, "score", "many.zip", "--out", "local")
    _, whole = _measured(tmp_path, "score", "many.zip", "--out", "whole", "--part_size", f"{users}")
    began = time.monotonic()
    main(["score", "many.zip", "--out", "spark", "--engine", "spark"])
    print(
        f"local {seconds:.0f} s, {peak:.0f} MB (5,000 users {one_part:.0f}, as one part {whole:.0f});",
        end=" ",
    )
    print(f"spark on 2 cores {time.monotonic() - began:.0f} s")
    assert manifest(Path("local"))["asked"]["users"] > 0.9 * users
    assert parts_of(Path("spark")) == parts_of(Path("local"))
    assert peak < one_part + 50
    assert peak < whole - 100, "the most is had while the model is loaded, and parts show nothing"
