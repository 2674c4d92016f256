"""Time a call of a loaded export for somebody whom it does not know, with 20 purchases.

Run ``graphrec export RUN --out model.zip`` first, then
``python experiments/benchmarks/exported.py model.zip``.
"""

from __future__ import annotations

import argparse
import os
import platform
import time

import numpy as np

import graphrec as gr

PURCHASES, CALLS = 20, 50


def main() -> None:
    """Print the median and the slowest of the calls in milliseconds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="+", help="what `graphrec export` wrote")
    parser.add_argument("--where", help="condition on the items, as in recommend")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    for model in options.model:
        began = time.perf_counter()
        loaded = gr.load(model)
        seconds = time.perf_counter() - began
        rng, ids = np.random.default_rng(0), loaded.data.split.items.ids
        taken, busy = [], []
        for _ in range(CALLS + 1):
            bought = rng.choice(ids, PURCHASES, replace=False).tolist()
            began, worked = time.perf_counter(), time.process_time()
            loaded.recommend(history=bought, k=20, where=options.where)
            taken.append(1000 * (time.perf_counter() - began))
            busy.append(1000 * (time.process_time() - worked))
        first, later = taken[0], np.array(taken[1:])
        about = loaded.about
        print(
            f"{model}: {about['model']}, {about['items']:,} items, loaded in {seconds:.1f} s; first call"
            f" {first:.0f} ms, then median {np.median(later):.0f} ms, slowest {later.max():.0f} ms of {CALLS}"
            f" (processor time: median {np.median(busy[1:]):.0f} ms)"
        )


if __name__ == "__main__":
    main()
