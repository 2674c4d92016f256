"""Time answers of a live model for one shopper at a time: known, known with events, and not known.

Run ``graphrec export RUN --out model.zip`` first, then
``OMP_NUM_THREADS=1 python experiments/benchmarks/live.py model.zip``.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from graphrec.cli.experiment.live import load_live
from graphrec.serving.live.answers import Filter, Shopper
from graphrec.serving.live.model import LiveModel
from graphrec.serving.state.events import Event

EVENTS, CALLS = 5, 300


def main() -> None:
    """Print the median, the 99th percentile and the slowest of the calls in milliseconds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="+", type=Path, help="what `graphrec export` wrote")
    parser.add_argument("-k", type=int, default=20, help="items of each list (default 20)")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    for path in options.model:
        began = time.perf_counter()
        live = load_live(path)
        seconds = time.perf_counter() - began
        about = live.data.about
        print(
            f"{path}: {about['model']}, {about['users']:,} users, {about['items']:,} items: {seconds:.1f} s"
        )
        for name, call in calls(live, options.k).items():
            print(f"  {name}: {measured(call)}")
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {size:,.0f} MB at most so far")


def calls(live: LiveModel, k: int) -> dict[str, Callable[[np.random.Generator], object]]:
    """Name what is timed; each call draws another shopper."""
    users, items = (np.asarray(one.ids).astype(str) for one in (live.data.split.users, live.data.split.items))

    def events(rng: np.random.Generator) -> tuple[Event, ...]:
        drawn = rng.choice(items, EVENTS, replace=False).tolist()
        return tuple(Event(str(place), "", item, time=float(place)) for place, item in enumerate(drawn))

    def known(rng: np.random.Generator) -> object:
        return live.recommend([Shopper(str(rng.choice(users)))], k, Filter())

    def folded(rng: np.random.Generator) -> object:
        return live.recommend([Shopper(str(rng.choice(users)), events(rng))], k, Filter())

    def stranger(rng: np.random.Generator) -> object:
        return live.recommend([Shopper(None, events(rng))], k, Filter())

    def offers(rng: np.random.Generator) -> object:
        return live.candidates(Shopper(str(rng.choice(users))), k, Filter())

    found = {"known": known, f"known, {EVENTS} events": folded, f"not known, {EVENTS} events": stranger}
    return {**found, "offers": offers} if live.decides_offers else found


def measured(call: Callable[[np.random.Generator], object]) -> str:
    """Time calls after a few that are not counted."""
    rng, taken, busy = np.random.default_rng(0), [], []
    for _ in range(CALLS + 5):
        began, worked = time.perf_counter(), time.process_time()
        call(rng)
        taken.append(1000 * (time.perf_counter() - began))
        busy.append(1000 * (time.process_time() - worked))
    low, high = np.quantile(taken[5:], (0.5, 0.99))
    work = f"processor time {np.median(busy[5:]):.2f} ms"
    return f"median {low:.2f} ms ({work}), 99 % of {CALLS} below {high:.2f} ms"


if __name__ == "__main__":
    main()
