"""Who is at risk by foretold satisfaction, on logs in which savings bring people back, or do not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from graphrec.cli.main import main
from graphrec.errors import InputError

QUIET = {"enable_progress_bar": False, "enable_model_summary": False}
PLAIN = ["--policy", "knapsack", "--scenario", "retention", "--margin", "0.6", "--depths", "any", "-k", "10"]
WEEKS = 50


def receipts(effect: float, users: int = 500) -> tuple[pd.DataFrame, pd.Series]:
    """Half come often, half seldom; a saving brings people back the sooner. With the truth of each.

    The truth is how likely the user is to return within four weeks of the last visit.
    """
    rng, rows, truth = np.random.default_rng(3), [], {}
    for user in range(users):
        name, habit, week = f"Käufer {user:03d}", (0.5 if user % 2 else 0.2), 1 + user % 3
        while week <= WEEKS:
            saved = 0.4 * float(rng.random() < 0.5)
            chance = min(habit * (effect if saved else 1 / effect), 0.95)
            full = float(rng.lognormal(2.0, 0.4))
            rows.append((name, f"0{rng.integers(30)}", week, 1, full, full * (1 - saved)))
            truth[name] = 1 - (1 - chance) ** 4 if week > WEEKS - 4 else 0.0
            week += int(rng.geometric(chance))
    columns = ["user_id", "item_id", "week", "quantity", "regular_price", "price"]
    return pd.DataFrame(rows, columns=columns).round(2), pd.Series(truth)


def fitted(effect: float) -> pd.Series:
    """A ranker and satisfaction of a shop in the current folder."""
    log, truth = receipts(effect)
    log.to_csv("log.csv", index=False)
    words = ["--data.split", "Temporal", "--data.split.train_end", "46", "--data.split.val_end", "48"]
    words += ["--data.split.test_end", str(WEEKS), "--run.name", "rank", "--run.id", "a"]
    main(["fit", "-m", "ease", "--data", "log.csv", *words])
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "log.csv"}}
    config = {
        "run": {"name": "s", "id": "a"},
        "trainer": {"max_epochs": 1, **QUIET},
        "data": {"class_path": "SatisfactionData", "init_args": {"source": source}},
        "model": {"class_path": "SatisfactionTask", "init_args": {}},
    }
    Path("s.yaml").write_text(yaml.safe_dump(config))
    main(["fit", "-c", "s.yaml"])
    return truth


def offered(*words: str) -> pd.DataFrame:
    main(["offers", "--ckpt", "runs/rank", "--out", "o.parquet", *PLAIN, *words])
    return pd.read_parquet("o.parquet")


def test_who_is_foretold_to_stay_away_is_at_risk(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    truth = fitted(effect=1.8)
    capsys.readouterr()
    found = offered("--satisfaction", "runs/s")
    told = capsys.readouterr().err
    chosen = truth.index.isin(found["user_id"])
    at_risk = int(re.search(r"at risk are (\d+) of 500 users", told)[1])
    assert chosen.sum() <= at_risk < chosen.sum() + 50, "who has bought nothing of late is worth nothing"
    assert "holds and may count in the retention scenario" in told
    assert 100 < chosen.sum() < 400
    assert truth[chosen].mean() < truth[~chosen].mean() - 0.3
    below = truth < float(re.search(r"on average \((\d+)%", told)[1]) / 100
    assert (below == chosen).mean() > 0.9, "they are those who are least likely to return in truth"
    trips = offered()
    by_trips = truth.index.isin(trips["user_id"])
    assert (below == by_trips).mean() < (below == chosen).mean() - 0.1


def test_satisfaction_without_an_association_is_not_used(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fitted(effect=1.0)
    by_trips = offered()
    capsys.readouterr()
    found = offered("--satisfaction", "runs/s/a/checkpoints/best.ckpt")
    told = capsys.readouterr().err
    assert "is not used, and users whose trips fall are at risk" in told
    assert "does not hold and must not count" in told
    pd.testing.assert_frame_equal(found, by_trips)
    cases = {
        "only the scenario retention asks": ["--satisfaction", "runs/s", "--scenario", "promotion"],
        "holds no satisfaction": ["--satisfaction", "runs/rank"],
        "this is no checkpoint": ["--satisfaction", "log.csv"],
    }
    for said, words in cases.items():
        with pytest.raises(InputError, match=said):
            offered(*words)
