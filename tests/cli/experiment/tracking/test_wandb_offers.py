"""Offers of a run that Weights & Biases knows are shown there, in its group and under pseudonyms."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from small_runs import CLOSED_FORM, write_config
from wandb_files import WandbFiles, wandb_runs_of

from graphrec.cli import main
from graphrec.report.offer_summary import policy_totals


def decide(run: Path, out: str) -> pd.DataFrame:
    ckpt = str(run / "checkpoints" / "best.ckpt")
    main(["offers", "--ckpt", ckpt, "--policy", "none", "expected_profit", "--out", out])
    return pd.read_parquet(out)


@pytest.fixture(scope="module")
def decided(tmp_path_factory) -> tuple[WandbFiles, pd.DataFrame]:
    """The W&B run of the offers, and their table."""
    place = tmp_path_factory.mktemp("offers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("WANDB_MODE", "offline")
        write_config("exp.yaml", id="a", model=CLOSED_FORM)
        main(["fit", "-c", "exp.yaml"])
        run = place / "runs" / "small" / "a"
        offers = decide(run, "offers.parquet")
        return wandb_runs_of(run)["offers"], offers


def test_offers_are_a_job_of_the_runs_group(decided):
    tracked, _ = decided
    assert (tracked.run["run_group"], tracked.run["job_type"]) == ("small-a", "offers")
    assert {"model": "Popularity", "run": "small", "job": "offers"}.items() <= tracked.config.items()
    assert tracked.config["offers"]["policies"] == ["none", "expected_profit"]


def test_examples_are_rows_of_the_table_under_pseudonyms(decided):
    tracked, offers = decided
    shown = tracked.table("offers")
    assert 0 < len(shown) <= 20
    assert shown["user_id"].str.fullmatch("user-[0-9a-f]{10}").all()
    keys = ["item_id", "rate", "score", "expected_profit", "policy"]
    found = shown.merge(offers, on=keys, suffixes=("_shown", ""))
    assert set(found["user_id_shown"]) == set(shown["user_id"])
    of_user = found.groupby("user_id_shown")["user_id"].agg(set)
    assert all(of_user), "each is somebody's"
    totals = tracked.table("policies").set_index("policy")["spend"]
    expected = policy_totals(offers).set_index("policy")["spend"]
    assert totals.to_dict() == pytest.approx(expected.to_dict())
    assert tracked.table("calibration")["rows"].gt(0).all()


def test_offers_of_a_run_that_is_not_tracked_stay_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = write_config("exp.yaml", id="a", model=CLOSED_FORM)
    main(["fit", "-c", config, "--trainer.logger", "false"])
    run = tmp_path / "runs" / "small" / "a"
    assert len(decide(run, "offers.parquet"))
    assert not (run / "wandb").exists()
