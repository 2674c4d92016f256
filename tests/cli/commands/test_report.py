"""``graphrec report``: the page of one run, its numbers and examples, and why it may have none."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from browsing import CHROMIUM, asked
from small_runs import CONFIG

from graphrec.cli.experiment.loading import load_run
from graphrec.cli.experiment.tracking.shown_files import keep_shown
from graphrec.cli.main import main
from graphrec.errors import InputError
from graphrec.report.page.examples import TrainingLog, examples
from graphrec.training.shown import Shown, calibration

RUN = Path("runs/small/a")
USERS, ITEMS, WEEKS = 50, 25, 21


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """A folder with a log of named items, of which cleaning leaves something out, and a tested run."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    rows = 1_500
    log = pd.DataFrame(
        {
            "user_id": rng.integers(USERS, size=rows),
            "item_id": rng.integers(ITEMS, size=rows),
            "week": rng.integers(WEEKS, size=rows),
            "quantity": 1,
        }
    )
    log.loc[:6, "quantity"] = -1
    log.assign(user_id="secret" + log["user_id"].astype(str)).to_csv(folder / "log.csv", index=False)
    pd.DataFrame({"item_id": range(ITEMS), "name": [f"Tea <{n}>" for n in range(ITEMS)]}).to_csv(
        folder / "items.csv", index=False
    )
    config = json.loads(json.dumps(CONFIG))
    config["run"]["id"] = "a"
    config["data"]["init_args"] |= {"item_sets": ["all", "new"]}
    config["data"]["init_args"]["source"] = {
        "class_path": "graphrec.data.sources.table",
        "init_args": {"path": "log.csv", "items": "items.csv"},
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", "-c", "c.yaml"])
        main(["test", "-c", "c.yaml"])
    return folder


@pytest.fixture
def shop(fitted, tmp_path, monkeypatch) -> Path:
    shutil.copytree(fitted, tmp_path / "shop", symlinks=True)
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def said(capsys) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_the_page_holds_what_the_files_and_the_log_say(shop, capsys):
    main(["report", str(RUN)])
    text = (RUN / "report.html").read_text()
    tested = json.loads((RUN / "test_metrics.json").read_text())
    for items in ("all", "new"):
        assert f'<span class="who value">{tested[f"test_ndcg_20_{items}"]:.4f}</span>' in text
        low, high = (tested[f"test_ndcg_20_{items}_{end}"] for end in ("low", "high"))
        assert f"95 % interval over users: {low:.4f} to {high:.4f}." in text
    log = pd.read_csv("log.csv")
    used = log[log["quantity"] > 0].drop_duplicates()
    train = used[used["week"] <= 14]
    users, items = train["user_id"].nunique(), train["item_id"].nunique()
    pairs = len(train[["user_id", "item_id"]].drop_duplicates())
    for name, value in {
        "Rows of the log": f"{len(log):,}",
        "Rows used": f"{len(used):,}",
        "Training rows": f"{len(train):,}",
        "Users": f"{users}",
        "Distinct pairs in training": f"{pairs:,}",
        "Density": f"{pairs / users / items:.3%}",
        "Fingerprint of the split": f"<code>{tested['split_sha256']}</code>",
    }.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in text
    left_out = re.search(r"<dt>Left out by cleaning</dt><dd>([^<]*)</dd>", text)[1]
    assert sum(map(int, re.findall(r"(?:^|, )(\d+) ", left_out))) == len(log) - len(used)
    cleaning = re.search(r'aria-label="Cleaning".*?</table>', text, re.DOTALL)[0]
    removed = re.findall(
        r'<td class="num">([\d,]+)</td>\s*<td class="num">[\d,]+</td><td class="wrap">', cleaning
    )
    assert sum(map(int, removed)) == len(log) - len(used)
    assert f"<dt>torch</dt><dd>{torch.__version__}</dd>" in text
    assert "graphrec fit -c runs/small/a/config.yaml" in text
    assert "seed_everything: 3" in text
    assert text.count("<h3>Shopper ") == 3
    assert "what is the best for them among all items." in text
    assert "secret" not in text, "users have no name"
    assert "Tea &lt;" in text
    assert "<script>Tea" not in text


def test_reasons_are_true_of_the_training_log(shop):
    task, data = load_run(RUN / "checkpoints" / "best.ckpt")
    log, train = TrainingLog(data), data.split.train.frame
    buyers = {item: set(rows["user"]) for item, rows in train.groupby("item")}
    seen = set()
    for user in range(12):
        own = train[train["user"] == user]["item"].value_counts()
        for item in range(ITEMS):
            reason = log.reason(user, item)
            if item in own:
                assert reason == f"bought in {own[item]} row{'s' if own[item] > 1 else ''} before"
                seen.add("before")
                continue
            both = {one: len(buyers[one] & buyers[item]) for one in own.index}
            near = max(both, key=lambda one: both[one] / len(buyers[one]) ** 0.5)
            best = both[near] / len(buyers[near]) ** 0.5
            likely = [one for one in both if both[one] / len(buyers[one]) ** 0.5 > best - 1e-12]
            told = [
                f"{both[one]} of {len(buyers[one])} buyers of {log.word(one)} bought it, too"
                for one in likely
            ]
            assert reason in told
            seen.add("together")
    assert seen == {"before", "together"}
    found = examples(task.recommender, data, 4)
    assert [one.rows for one in found.found] == sorted(one.rows for one in found.found)
    assert all([line.score for line in one.lines] == sorted((line.score for line in one.lines), reverse=True)
               for one in found.found)  # fmt: skip


def test_without_the_data_there_is_a_page_that_says_why_it_has_no_examples(shop, capsys):
    Path("log.csv").unlink()
    main(["report", str(RUN), "--out", "page.html"])
    assert "no examples: " in said(capsys)
    text = Path("page.html").read_text()
    assert "<p>No examples: " in text
    assert "log.csv" in text
    main(["report", str(RUN), "--out", "none.html", "--examples", "0"])
    assert "No examples: none were asked for." in Path("none.html").read_text()


def test_a_checkpoint_that_was_not_tested_gives_no_examples(shop, capsys):
    for name in ("best", "last"):
        file = RUN / "checkpoints" / f"{name}.ckpt"
        torch.save(torch.load(file, weights_only=False) | {"more": 1}, file)
    main(["report", str(RUN)])
    assert "the checkpoint that the measures are of is not there" in said(capsys)


def test_validation_needs_no_test_and_several_runs_are_a_mistake(shop, capsys):
    (RUN / "test_metrics.json").unlink()
    with pytest.raises(InputError, match="the run has no test metrics"):
        main(["report", str(RUN)])
    main(["report", str(RUN), "--part", "val", "--examples", "0"])
    assert "no interval over users exists" in (RUN / "report.html").read_text()
    shutil.copytree(RUN, RUN.with_name("b"))
    with pytest.raises(InputError, match="runs: holds 2 runs; name one of them"):
        main(["report", "runs", "--part", "val"])
    checkpoint = RUN / "checkpoints" / "best.ckpt"
    before = checkpoint.read_bytes()
    with pytest.raises(
        InputError, match=r"best\.ckpt, option --out: is no name of a page; end it with \.html"
    ):
        main(["report", str(RUN), "--out", str(checkpoint)])
    assert checkpoint.read_bytes() == before
    with pytest.raises(InputError, match="-1 is no number of shoppers"):
        main(["report", str(RUN), "--examples", "-1"])


def test_calibration_and_tables_of_a_test_are_on_the_page_and_no_users(shop):
    probability = np.array([0.1, 0.1, 0.6, 0.6])
    happened = np.array([False, True, True, True])
    lifts = Shown(pd.DataFrame({"rate": [0.1], "lift": [1.25]}))
    lists = Shown(pd.DataFrame({"user_id": ["secret1"], "item_id": [1]}))
    keep_shown(RUN, {"calibration": calibration(probability, happened), "lifts": lifts, "lists": lists})
    assert {file.name for file in RUN.glob("shown_*")} == {"shown_calibration.parquet", "shown_lifts.parquet"}
    main(["report", str(RUN), "--examples", "0"])
    text = (RUN / "report.html").read_text()
    assert "<desc>predicted 0.1: 0.5; predicted 0.6: 1</desc>" in text
    assert "<td>1.25</td>" in text
    assert "secret" not in text
    main(["report", str(RUN), "--part", "val", "--examples", "0"])
    assert "<td>1.25</td>" not in (RUN / "report.html").read_text(), "they are of the test"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on the PATH")
def test_a_browser_shows_it_at_390_pixels(shop, tmp_path):
    main(["report", str(RUN)])
    answer = asked(RUN / "report.html", tmp_path, """
        return [performance.getEntriesByType("resource").length, innerWidth,
                document.documentElement.scrollWidth];""", width=390)  # fmt: skip
    assert answer == [0, 390, 390]
