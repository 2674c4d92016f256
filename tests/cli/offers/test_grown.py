"""Runs by their folder, offers fed back as they were written, and a log that has grown since a fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from seasonal_shop import log

from graphrec.cli.experiment.loading import load_response
from graphrec.cli.main import main
from graphrec.cli.offers.curves.response import learned_response
from graphrec.errors import InputError

PLAIN = ["--policy", "knapsack", "--objective", "units", "--depths", "any", "--budget", "60", "-k", "12"]


def offered(*words: str) -> pd.DataFrame:
    main(["offers", "--out", "o.parquet", *PLAIN, *words])
    return pd.read_parquet("o.parquet")


def test_a_run_may_be_given_by_its_folder(shop):
    by_file = offered("--ckpt", "runs/seasonal/a/checkpoints/best.ckpt")
    for folder in ("runs/seasonal/a", "runs/seasonal"):
        pd.testing.assert_frame_equal(offered("--ckpt", folder), by_file)
    Path("empty").mkdir(exist_ok=True)
    with pytest.raises(InputError, match=r"empty: holds no run with a checkpoint; give the folder"):
        offered("--ckpt", "empty")


@pytest.mark.parametrize("suffix", ["json", "jsonl", "tsv"])
def test_offers_are_fed_back_as_they_were_written(shop, suffix):
    name, ckpt = f"sent.{suffix}", ["--ckpt", "runs/seasonal/a"]
    main(["offers", "--out", name, "--week", "39", *ckpt, *PLAIN, "--budget", "20"])
    sent = offered("--week", "39", *ckpt, "--budget", "20")
    sent = sent[sent["rate"] > 0]
    again = offered("--week", "40", *ckpt, "--exposure", name, "--cool_down_weeks", "1")
    again = again[again["rate"] > 0]
    assert len(sent)
    assert len(again)
    both = sent.merge(again, on=["user_id", "item_id"])
    assert both.empty, "what was sent a week ago is not sent again"


def test_json_without_rows_is_refused(shop):
    for text in ("{", "[]"):
        Path("odd.json").write_text(text)
        with pytest.raises(InputError, match=r"odd\.json"):
            offered("--ckpt", "runs/seasonal/a", "--exposure", "odd.json", "--cool_down_weeks", "1")


def test_the_windows_of_a_response_stay_when_its_log_grows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = log()
    rows[rows["week"] <= 34].to_csv("log.csv", index=False)
    source = {"class_path": "graphrec.data.sources.table", "init_args": {"path": "log.csv"}}
    data = {"source": source, "prices_vary": "accept", "batch_size": 256}
    given = {
        "run": {"name": "response", "id": "a", "monitor": "val_likelihood"},
        "trainer": {"max_epochs": 1, "enable_progress_bar": False, "enable_model_summary": False},
        "data": {"class_path": "ResponseData", "init_args": data},
        "model": {"class_path": "ResponseTask", "init_args": {"hidden": [8], "slope_hidden": []}},
    }
    Path("response.yaml").write_text(yaml.safe_dump(given))
    main(["fit", "-c", "response.yaml"])
    checkpoint = Path("runs/response/a/checkpoints/best.ckpt")
    pairs = rows[rows["week"] < 20].drop_duplicates(["user_id", "item_id"])[["user_id", "item_id"]].head(40)
    before, windows = learned_response(checkpoint, pairs, 34), load_response(checkpoint)[1].windows
    rows.to_csv("log.csv", index=False)
    _, grown = load_response(checkpoint)
    assert grown.windows == windows
    assert (grown.train_end, grown.val_end) == (windows.train_end, windows.val_end)
    after = learned_response(checkpoint, pairs, 34)
    np.testing.assert_allclose(after.probability(0.2), before.probability(0.2))
    assert learned_response(checkpoint, pairs).base.shape == (40,)
    rows[rows["week"] <= 20].to_csv("log.csv", index=False)
    assert load_response(checkpoint)[1].windows.last_week == 20, "another log has windows of its own"
