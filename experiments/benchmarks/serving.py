"""Load a live service on this machine, beside ALS of implicit behind the same shell.

``python experiments/benchmarks/serving.py --data FOLDER`` makes a shop of the catalogue in FOLDER
(train.txt of Gowalla; prices, weeks and discounts are drawn), fits LightGCN briefly, exports it with offers
and serves it.
Without a folder a small catalogue is drawn; ``--model model`` takes an export that is there. Requests arrive
at random times, whether the ones before were answered or not, and each is timed from when it was due.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import numpy as np
import pandas as pd
import psutil

from graphrec.serving.data import PackedData

HERE = Path(__file__).parent
SERVE = """
import os, sys
from dataclasses import replace
from graphrec.serving.service.process.server import listen, serve
from graphrec.serving.service.settings import Settings
settings = Settings(model=sys.argv[2], store=sys.argv[3], max_offers=5, waiting=512, deadline=5.0)
taken = listen("127.0.0.1", int(sys.argv[4]))
serve(sys.argv[1], settings, taken, int(sys.argv[5]))
"""
GRAPHREC, ALS = "graphrec.cli.serving.worker:app", "als_service:app"
_WAIT = 300.0


def shop_of(folder: Path | None, place: Path) -> Path:
    """Make a log with prices of the pairs of a folder, or of pairs that are drawn."""
    rng = np.random.default_rng(0)
    if folder is None:
        lines = [[str(user), *map(str, rng.choice(1_000, 20, replace=False))] for user in range(1_000)]
    else:
        lines = [line.split() for line in (folder / "train.txt").read_text().splitlines()]
    user = np.repeat([one[0] for one in lines], [len(one) - 1 for one in lines])
    item = np.concatenate([one[1:] for one in lines])
    regular = dict(
        zip(np.unique(item), rng.lognormal(1.0, 0.6, len(np.unique(item))).round(2) + 0.2, strict=True)
    )
    price = np.array([regular[one] for one in item])
    depth = rng.choice([0.0, 0.0, 0.1, 0.2, 0.3], len(item))
    log = {"user_id": user, "item_id": item, "week": rng.integers(1, 31, len(item)), "regular_price": price}
    log |= {"shelf_price": (price * (1 - depth)).round(2), "price": (price * (1 - depth)).round(2)}
    path = place / "shop.csv"
    pd.DataFrame(log).to_csv(path, index=False)
    return path


def exported(folder: Path | None, place: Path, epochs: int) -> Path:
    """Fit LightGCN for a few epochs, and export it with offers; what it lists does not matter here."""
    log = shop_of(folder, place)
    graphrec("fit", "-m", "lightgcn", "--data", str(log), "--run.root", str(place), "--run.name", "shop",
             "--run.id", "a", "--trainer.max_epochs", str(epochs))  # fmt: skip
    out = place / "model"
    graphrec("export", str(place / "shop" / "a"), "--out", str(out), "--offers", "--budget", "5000")
    return out


def graphrec(*words: str) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "graphrec", *words], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def served(app: str, model: Path, place: Path, workers: int) -> Iterator[tuple[str, float, psutil.Process]]:
    """Serve a model; give the address, the seconds until it answers, and the process."""
    port = 20_000 + os.getpid() % 20_000
    store = f"sqlite:{place / f'{time.time_ns()}.db'}"
    paths = os.pathsep.join([str(HERE / "workers"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": paths}
    began = time.perf_counter()
    with (place / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, app, str(model), store, str(port), str(workers)],
            env=environment,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        asyncio.run(_until_ready(url, process, place / "serve.log"))
        yield url, time.perf_counter() - began, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


async def _until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    async with aiohttp.ClientSession() as session:
        until = time.monotonic() + _WAIT
        while time.monotonic() < until:
            assert process.poll() is None, log.read_text()[-2000:]
            try:
                async with session.get(f"{url}/ready") as got:
                    if got.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)
    raise TimeoutError(url)


async def at_rate(url: str, bodies: Callable[[], dict], rate: float, seconds: float) -> np.ndarray:
    """Send requests at random times; milliseconds from when each was due. Shape ``[requests]``."""
    rng, taken, wrong = np.random.default_rng(1), [], []
    due = np.cumsum(rng.exponential(1 / rate, int(rate * seconds)))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256)) as session:
        began = time.perf_counter()

        async def ask(when: float) -> None:
            async with session.post(url, json=bodies()) as got:
                await got.read()
                if got.status != 200:
                    wrong.append(got.status)
            taken.append(1000 * (time.perf_counter() - began - when))

        asked = []
        for when in due:
            await asyncio.sleep(max(0.0, when - (time.perf_counter() - began)))
            asked.append(asyncio.create_task(ask(when)))
        await asyncio.gather(*asked)
    assert not wrong, f"{len(wrong)} requests failed: {sorted(set(wrong))}"
    return np.array(taken)


async def greatest(url: str, bodies: Callable[[], dict], clients: int, seconds: float) -> float:
    """Let clients ask one request after the other; requests a second."""
    done = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=clients)) as session:
        until = time.perf_counter() + seconds

        async def ask() -> None:
            nonlocal done
            while time.perf_counter() < until:
                async with session.post(url, json=bodies()) as got:
                    await got.read()
                    assert got.status == 200, got.status
                done += 1

        await asyncio.gather(*(ask() for _ in range(clients)))
    return done / seconds


def memory(process: psutil.Process) -> float:
    """Megabytes that a service and its workers hold."""
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 1e6


def measured(name: str, app: str, model: Path, place: Path, options: argparse.Namespace) -> dict:
    """Start a service, load it, print and give its figures."""
    users = PackedData(str(model)).split.users.ids
    rng = np.random.default_rng(2)

    def lists() -> dict:
        return {"user": str(rng.choice(users)), "k": 20}

    found: dict[str, float | str] = {"service": name, "workers": options.workers}
    with served(app, model, place, options.workers) as (url, start, process):
        found["start_s"] = start
        asyncio.run(at_rate(f"{url}/recommend", lists, 50, 3))  # what is lazily made is made now
        taken = asyncio.run(at_rate(f"{url}/recommend", lists, options.rate, options.seconds))
        found |= {"recommend_p50_ms": np.median(taken), "recommend_p99_ms": np.quantile(taken, 0.99)}
        found["greatest_per_s"] = asyncio.run(greatest(f"{url}/recommend", lists, 32, options.seconds))
        if app == GRAPHREC and options.offers:
            asyncio.run(at_rate(f"{url}/offers", lists, 20, 3))
            taken = asyncio.run(at_rate(f"{url}/offers", lists, options.offers, options.seconds))
            found |= {"offers_p50_ms": np.median(taken), "offers_p99_ms": np.quantile(taken, 0.99)}
        found["memory_mb"] = memory(process)
    print(
        ", ".join(
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in found.items()
        )
    )
    return {key: float(value) if isinstance(value, float) else value for key, value in found.items()}


def main() -> None:
    """Measure both services, and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, help="folder with train.txt; a small catalogue is drawn if missing")
    add("--model", type=Path, help="an export, instead of one that is made")
    add("--epochs", type=int, default=2, help="of the fit (default 2)")
    add("--rate", type=float, default=300.0, help="requests a second to /recommend (default 300)")
    add("--offers", type=float, default=50.0, help="requests a second to /offers; 0 for none (default 50)")
    add("--seconds", type=float, default=20.0, help="how long each load lasts (default 20)")
    add("--workers", type=int, default=1, help="processes of the service (default 1)")
    add("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        model = options.model or exported(options.data, place, options.epochs)
        print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {model}")
        found = [measured("graphrec", GRAPHREC, model, place, options)]
        if find_spec("implicit") is None:
            print("implicit is not installed: nothing to compare with")
        else:
            found.append(measured("implicit", ALS, model, place, options))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
