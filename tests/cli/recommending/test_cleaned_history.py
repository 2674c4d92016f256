"""A history is cleaned as the log of the model was, of a run and of its export."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from graphrec.cli.main import main

CLEANING = [
    {"class_path": "Returns", "init_args": {"how": "net", "prefix": "C", "invoice": "receipt"}},
    "Guests",
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Checkpoint and export of a model whose log had cancelled receipts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("shop"))
        rows = [(user, step, (user + step) % 9) for user in range(30) for step in range(4)]
        log = pd.DataFrame(
            {
                "user_id": [f"u{user}" for user, _, _ in rows],
                "item_id": [f"i{item}" for _, _, item in rows],
                "receipt": [f"R{user}-{step}" for user, step, _ in rows],
                "quantity": 1,
            }
        )
        log.to_csv("log.csv", index=False)
        arguments = {"path": "log.csv", "cleaning": CLEANING}
        source = {"class_path": "graphrec.data.sources.table", "init_args": arguments}
        split = {"class_path": "LeaveLast"}
        data = {"class_path": "RecommenderData", "init_args": {"source": source, "split": split}}
        Path("data.yaml").write_text(yaml.safe_dump(data))
        main(["fit", "-m", "item_cf", "--data", "data.yaml", "--run.name", "x", "--run.id", "a"])
        main(["export", "runs/x/a", "--out", "model.zip"])
        yield ["runs/x/a/checkpoints/best.ckpt", "model.zip"]


def test_a_cancelled_purchase_is_none(models, capsys):
    history = pd.DataFrame(
        {
            "user_id": ["new", "new", "new"],
            "item_id": ["i1", "i5", "i5"],
            "receipt": ["R1", "R2", "CR2"],
            "quantity": [1, 1, 1],
        }
    )
    history.to_csv("history.csv", index=False)
    history.iloc[:1].to_csv("clean.csv", index=False)
    for model in models:
        found = []
        for file in ("history.csv", "clean.csv"):
            main(["recommend", "--ckpt", model, "--history", file, "-k", "5", "--out", "out.csv"])
            found.append(pd.read_csv("out.csv"))
        pd.testing.assert_frame_equal(*found)
        assert "cleaning, Returns: 2 of 3 rows removed" in capsys.readouterr().err


def test_a_step_without_its_column_is_left_out_with_a_word(models, capsys):
    pd.DataFrame({"user_id": ["new"], "item_id": ["i1"]}).to_csv("bare.csv", index=False)
    main(["recommend", "--ckpt", models[0], "--history", "bare.csv", "-k", "5", "--out", "out.csv"])
    said = capsys.readouterr().err
    assert "bare.csv has no column receipt: the step Returns of the model's cleaning is left out" in said
    assert len(pd.read_csv("out.csv")) == 5
