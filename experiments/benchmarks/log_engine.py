"""A log of purchases in Parquet to edges and features on DuckDB, and the same beside the pandas path.

Each case runs in a process of its own, whose seconds and peak memory are measured from outside. The log is
generated: shoppers who come back to their own items, prices with promotions, a year of weeks.

    python experiments/benchmarks/log_engine.py --rows 5 --beside 5 --json runs/bench/log_engine.json
    python experiments/benchmarks/log_engine.py --rows 100 --folder /tmp --journey
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

MILLION = 1_000_000
PIECE = 5 * MILLION
"""Rows of a file, and of what is in memory while the log is generated."""
WEEKS, TRAIN_END, FAVOURITES = 52, 44, 40
USER_GROUPS = ["interest", "behaviour", "interest_recency", "interest_trend", "habits", "times"]
ITEM_GROUPS = ["base", "attributes", "price_history", "promotion"]


def generate(folder: Path, millions: int) -> None:
    """Write a log of so many million rows, and its table of items."""
    users, items = sizes(millions)
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    price = np.round(np.exp(rng.normal(1.0, 0.7, items)), 2)
    for part, start in enumerate(range(0, millions * MILLION, PIECE)):
        rows = min(PIECE, millions * MILLION - start)
        user = rng.integers(0, users, rows)
        own = (user * 7919 + rng.integers(0, FAVOURITES, rows) ** 2 * 31) % items
        item = np.where(rng.random(rows) < 0.6, own, (items * rng.random(rows) ** 3).astype(np.int64))
        day = rng.integers(0, WEEKS * 7, rows)
        second = day * 86_400 + rng.integers(7 * 3600, 22 * 3600, rows)
        below = (item * 31 + day // 7) % 9 == 0
        shelf = np.round(price[item] * np.where(below, 0.8, 1.0), 2)
        columns = {
            "user_id": user,
            "item_id": item,
            "week": (1 + day // 7).astype(np.int16),
            "timestamp": (np.int64(1_704_067_200) + second) * MILLION,
            "basket_id": user * 400 + day,
            "quantity": (1 + rng.integers(0, 3, rows)).astype(np.int16),
            "price": np.round(shelf * np.where(rng.random(rows) < 0.02, 0.5, 1.0), 2),
            "shelf_price": shelf,
            "regular_price": price[item],
        }
        table = pa.table({**columns, "timestamp": pa.array(columns["timestamp"]).cast(pa.timestamp("us"))})
        pq.write_table(table, folder / f"part-{part:03}.parquet", compression="zstd")
    catalogue(items).to_parquet(folder.with_name(f"{folder.name}-items.parquet"), index=False)


def sizes(millions: int) -> tuple[int, int]:
    """Users and items of a log: a shopper has 200 rows a year."""
    return max(1000, millions * 5000), max(1000, min(50_000, millions * 2000))


def catalogue(items: int) -> pd.DataFrame:
    """The table of items: 20 departments and 8 brands."""
    number = np.arange(items)
    names = {"department": number * 13 % 20, "brand": number * 7 % 8}
    texts = {name: [f"{name} {value}" for value in values] for name, values in names.items()}
    return pd.DataFrame({"item_id": number.astype(str), **texts})


def engine(folder: Path, memory: str, threads: int) -> dict[str, float]:
    """Parquet to edges and features, on DuckDB."""
    from graphrec.data.engine.backends import DuckDB
    from graphrec.data.engine.large import LargeLog
    from graphrec.data.features.options import FeatureOptions

    started = time.perf_counter()
    log = LargeLog.read(folder, train_end=TRAIN_END, engine=DuckDB(memory, threads, folder.parent))
    seconds = {"ids_seconds": time.perf_counter() - started}
    edges = log.edges()
    seconds["edges_seconds"] = time.perf_counter() - started
    print(f"{len(edges):,} edges after {seconds['edges_seconds']:.0f} s", file=sys.stderr, flush=True)
    items = pd.read_parquet(folder.with_name(f"{folder.name}-items.parquet"))
    features = log.features(items=items, options=FeatureOptions(USER_GROUPS, ITEM_GROUPS))
    seconds["seconds"] = time.perf_counter() - started
    widths = {"user_columns": features.user.shape[1], "item_columns": features.item.shape[1]}
    sizes = {"users": len(log.users), "items": len(log.items), "edges": len(edges), **widths}
    return {**seconds, **sizes, "rows": log.account["rows"]}


def pandas(folder: Path, memory: str, threads: int) -> dict[str, float]:
    """The same as ``graphrec fit`` does it: the source ``table``, the split, its pairs, its features."""
    from graphrec.data.features.build import build_features
    from graphrec.data.features.options import FeatureOptions
    from graphrec.data.sources import table
    from graphrec.data.splits import Temporal

    started = time.perf_counter()
    items = str(folder.with_name(f"{folder.name}-items.parquet"))
    raw = table(str(folder), items=items, outlier_factor=None, equal_rows="keep")
    split = Temporal(train_end=TRAIN_END, val_end=TRAIN_END + 4)(raw.log)
    edges = split.train.pairs()
    features = build_features(split.train, items=raw.items, options=FeatureOptions(USER_GROUPS, ITEM_GROUPS))
    seconds = time.perf_counter() - started
    widths = {"user_columns": features.user.shape[1], "item_columns": features.item.shape[1]}
    sizes = {"users": len(split.users), "items": len(split.items), "edges": len(edges), **widths}
    return {"seconds": seconds, **sizes, "rows": len(raw.log)}


def journey(folder: Path, memory: str, threads: int) -> dict[str, float]:
    """The default features of the Complete Journey's whole log, from the rows as its source gives them."""
    from graphrec.data.features.build import build_features
    from graphrec.data.interactions import IdMap, Interactions
    from graphrec.data.sources import complete_journey

    raw = complete_journey()
    started = time.perf_counter()
    users, items = (IdMap.from_values(raw.log[name]) for name in ("user_id", "item_id"))
    train = Interactions.encode(raw.log, users, items)
    edges = train.pairs()
    features = build_features(train, users=raw.users, items=raw.items)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": len(train), "edges": len(edges), "users": len(features.user)}


CASES = {"engine": engine, "pandas": pandas, "journey": journey}


def measured(case: str, folder: Path, memory: str, threads: int) -> dict[str, float]:
    """Run a case in a process of its own: what it says, its CPU seconds, and its peak memory in GB.

    Beside other work on the same cores the CPU seconds tell more than those of the clock.
    """
    command = [sys.executable, __file__, "--one", case, "--folder", str(folder)]
    command += ["--memory", memory, "--threads", str(threads)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{case} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    spent = {"cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1)}
    return {**json.loads(said.splitlines()[-1]), **spent, "peak_gb": round(usage.ru_maxrss * unit / 1e9, 2)}


def compared(folder: Path, millions: int, memory: str, threads: int) -> dict[str, float]:
    """Both paths on one log."""
    ours, theirs = (measured(case, folder, memory, threads) for case in ("engine", "pandas"))
    assert ours["edges"] == theirs["edges"], "the two paths found different edges"
    found = {f"rows_{millions}m_engine_{name}": value for name, value in ours.items()}
    found |= {f"rows_{millions}m_pandas_{name}": value for name, value in theirs.items()}
    for name in ("seconds", "cpu_seconds", "peak_gb"):
        found[f"rows_{millions}m_{name}_ratio"] = round(ours[name] / theirs[name], 3)
    return found


def main(given: argparse.Namespace) -> None:
    """Generate, measure, print, delete."""
    flat: dict[str, float] = {"threads": given.threads, "cores": os.cpu_count() or 0}
    flat["load_before"] = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory(prefix="graphrec-log-", dir=given.folder) as root:
        for millions in dict.fromkeys([*given.beside, *given.rows]):
            folder = Path(root) / f"log{millions}"
            print(f"generating {millions} million rows", flush=True)
            generate(folder, millions)
            flat[f"rows_{millions}m_file_gb"] = round(
                sum(file.stat().st_size for file in folder.iterdir()) / 1e9, 2
            )
            if millions in given.beside:
                flat |= compared(folder, millions, given.memory_beside, given.threads)
            if millions in given.rows and millions not in given.beside:
                one = measured("engine", folder, given.memory, given.threads)
                flat |= {f"rows_{millions}m_engine_{name}": value for name, value in one.items()}
            shutil.rmtree(folder)
            print(json.dumps(flat, indent=1), flush=True)
        if given.journey:
            one = measured("journey", Path(root), given.memory, given.threads)
            flat |= {f"journey_{name}": value for name, value in one.items()}
    flat["load_after"] = round(os.getloadavg()[0], 1)
    print(json.dumps(flat, indent=1))
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(flat, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--rows", type=int, nargs="*", default=[1], help="millions of rows, on the engine")
    parser.add_argument("--beside", type=int, nargs="*", default=[1], help="millions of rows, on both paths")
    parser.add_argument("--journey", action="store_true", help="measure the Complete Journey, too")
    parser.add_argument("--memory", default="3GB", help="the most that DuckDB holds")
    parser.add_argument("--memory_beside", default="400MB", help="the same, beside pandas")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the log is written and deleted")
    parser.add_argument("--one", choices=CASES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        print(json.dumps(CASES[given.one](given.folder, given.memory, given.threads)))
    else:
        main(given)
