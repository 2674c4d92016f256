"""Runs with the measures that a test asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from graphrec.report.runs import RunRecord


def make_run(
    name="lightgcn", seed=0, ndcg=0.4, margin=0.02, *, run_id=None, model=None, **changes
) -> RunRecord:
    """A run with NDCG and recall on all items and on new items (a fifth as large)."""
    summary = {"test_ndcg_20": ndcg, "fit_seconds": 2.5, "best_epoch": 1.0, "test_users_all": 1234.0}
    for items, scale in (("all", 1.0), ("new", 0.2)):
        for measure, value in (("ndcg", ndcg * scale), ("recall", ndcg * scale / 3), ("coverage", 0.5)):
            for k in (10, 20):
                key = f"test_{measure}_{k}_{items}"
                summary |= {
                    key: value,
                    f"{key}_low": value - margin * scale,
                    f"{key}_high": value + margin * scale,
                }
    history = pd.DataFrame(
        {"epoch": [0, 1, 2], "train_loss": [0.7, 0.6, 0.5], "val_ndcg_20": ndcg * np.array([0.5, 0.9, 1.0])}
    )
    run_id = str(seed) if run_id is None else run_id
    fields = {
        "dataset": "shop",
        "split_sha256": "a" * 64,
        "config": {},
        "summary": summary,
        "history": history,
        "path": Path("runs") / name / run_id,
    }
    return RunRecord(name=name, id=run_id, model=model or name, seed=seed, **{**fields, **changes})
