"""An export says what the run says, in another place and without the log; a damaged one says nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from odd_shop import NEW, bought
from unfitted import built, keep, models, write_checkpoint, write_shop

from graphrec.cli.experiment.exports import export
from graphrec.cli.experiment.loading import load_run
from graphrec.cli.main import main, parser
from graphrec.cli.recommending.request import read_request
from graphrec.data.choice.items import ItemFiles
from graphrec.errors import InputError
from graphrec.serving.bundle import MANIFEST, read_bundle, write_bundle
from graphrec.serving.packing import history_of
from graphrec.serving.request import Request

MODELS = models()
FILES = ["history.csv", "--where", "category = 'beer' or stock = 1", "--exclude", "gone.csv"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with the shop; what is exported there is read in another one, which has no log."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("shop")
        patch.chdir(folder)
        write_shop()
        bought(NEW, 2).to_csv("history.csv", index=False)
        pd.DataFrame({"item_id": ["001", "002"]}).to_csv("gone.csv", index=False)
        yield folder


def written(model: str | Path, *words: str) -> pd.DataFrame:
    main(["recommend", "--ckpt", str(model), "-k", "7", "--out", "out.parquet", *words])
    return pd.read_parquet("out.parquet")


def lists(task, data) -> list[pd.DataFrame]:
    """Lists of everybody, and of strangers with all that filters."""
    everybody = Request(None, None, None, None, None, ItemFiles({}, {}))
    words = ["recommend", "--ckpt", "none", "--out", "o.csv", "--history", *FILES]
    strangers = read_request(parser().parse_args(words), [])
    return [everybody.lists(task, data, 7, "all")[0], strangers.lists(task, data, 7, "new")[0]]


def moved(shop: Path, place: Path, monkeypatch) -> None:
    """Go to a folder without the log."""
    for file in ("history.csv", "gone.csv"):
        shutil.copy(shop / file, place)
    monkeypatch.chdir(place)


QUICK = (
    "lightgcn",
    "heterogcn",
    "item_cf",
    "user_cf",
    "spectral",
    "ials",
    "popularity",
    "boosting",
    "fusion",
)
QUICK += ("with_features", "towers", "purchase_ranker", "slim")
"""One model of each way to keep what was learned; the others run in `make test-slow`."""


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in MODELS]
)
def test_lists_are_those_of_the_run(name, shop, tmp_path, monkeypatch):
    task, data, config = built(name, MODELS[name])
    keep(task, data, config, tmp_path / "best.ckpt")
    before = lists(task, data)
    export(tmp_path / "best.ckpt", task, data, tmp_path / "model.zip", trusted=False)
    moved(shop, tmp_path, monkeypatch)
    for ours, theirs in zip(lists(*load_run(Path("model.zip"))), before, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_every_kind_of_model_is_tried():
    """What a YAML may name as a recommender or an encoder stands in one of the models above."""
    from recommender_suite import all_models

    named = json.dumps(MODELS)
    left = [one.__name__ for one in all_models() if f'"{one.__name__}"' not in named]
    assert left == []


@pytest.fixture(scope="module")
def checkpoint(shop):
    return write_checkpoint("item_cf", MODELS["item_cf"], shop / "runs" / "one" / "best.ckpt")


@pytest.fixture(scope="module")
def exported(checkpoint, shop):
    main(["export", str(checkpoint), "--out", str(shop / "one.zip")])
    return shop / "one.zip"


def test_weights_of_edges_come_along(shop, tmp_path, monkeypatch):
    recency = {"class_path": "graphrec.data.weights.Recency", "init_args": {"half_life": 4}}
    file, more = shop / "runs" / "w" / "best.ckpt", {"weights": {"rows": [recency]}}
    checkpoint = write_checkpoint("item_cf", MODELS["item_cf"], file, **more)
    words = ["--history", *FILES]
    before = [written(checkpoint, "--items", "all"), written(checkpoint, *words)]
    main(["export", str(checkpoint), "--out", str(tmp_path / "model")])
    moved(shop, tmp_path, monkeypatch)
    for ours, theirs in zip(
        [written("model", "--items", "all"), written("model", *words)], before, strict=True
    ):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
        assert ours.attrs == theirs.attrs


def test_another_process_in_another_folder_says_the_same(checkpoint, exported, tmp_path):
    """Real processes, which know nothing of the shop's folder; the export has another name there."""
    shutil.copy(exported, tmp_path / "elsewhere.zip")
    here = Path.cwd()
    for words in ("recommend -k 7 --items all", "similar 001"):
        name = f"{words.split()[0]}.csv"
        main([*words.split(), "--ckpt", str(checkpoint), "--out", name])
        line = [*words.split(), "--ckpt", "elsewhere.zip", "--out", name]
        done = subprocess.run(
            [sys.executable, "-m", "graphrec", *line],
            cwd=tmp_path, env={**os.environ, "WANDB_MODE": "offline"}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name).read_bytes() == (here / name).read_bytes()


def test_a_flipped_byte_is_told_or_changes_nothing(exported, tmp_path):
    """Any byte: what is read is what was written, or nothing is read."""
    whole, content = read_bundle(exported), exported.read_bytes()
    told = []
    for place in np.random.default_rng(0).choice(len(content), 400, replace=False):
        damaged = bytearray(content)
        damaged[place] ^= 0x20
        (tmp_path / "damaged.zip").write_bytes(bytes(damaged))
        try:
            assert read_bundle(tmp_path / "damaged.zip") == whole
        except InputError as error:
            told.append(str(error))
    assert len(told) > 300
    assert all("damaged.zip: is" in line for line in told)


def test_a_file_that_was_cut_short_is_told(exported, tmp_path):
    (tmp_path / "half.zip").write_bytes(exported.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"half\.zip: is damaged: it is no whole zip file"):
        load_run(tmp_path / "half.zip")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 99}, "is of format 99, and this graphrec reads up to 1"),
        ({"kind": "other"}, "is no model of `graphrec export`"),
        ({"files": {"../secret": {"bytes": 1, "sha256": ""}}}, "is no model of"),
    ],
)
def test_what_is_no_export_of_ours_is_told(change, told, exported, tmp_path):
    from graphrec.serving.bundle import fingerprint

    with zipfile.ZipFile(exported) as packed:
        manifest = json.loads(packed.read(MANIFEST)) | change
    del manifest["sha256"]
    manifest["sha256"] = fingerprint(manifest)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=told):
        read_bundle(tmp_path / "folder")


def test_code_of_others_does_not_run(exported, tmp_path):
    """A file made to look whole that names code, as a stranger could make one."""
    about, parts = read_bundle(exported)
    config = json.loads(parts["config.json"])
    config["model"]["init_args"]["recommender"] = {"class_path": "os.system"}
    parts["config.json"] = json.dumps(config).encode()
    about = {key: value for key, value in about.items() if key not in ("files", "kind", "format")}
    bad = write_bundle(tmp_path / "bad.zip", about, parts)
    with pytest.raises(InputError, match=r"names 'os\.system'.*give --trust"):
        load_run(bad)


def test_no_part_is_a_pickle(exported):
    import pickletools

    for name, content in read_bundle(exported).parts.items():
        assert name.endswith((".json", ".parquet", ".safetensors"))
        with pytest.raises(Exception, match=r".+"):
            list(pickletools.genops(content))


def test_the_same_run_gives_the_same_bytes(checkpoint, exported, tmp_path):
    main(["export", str(checkpoint), "--out", str(tmp_path / "again.zip")])
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_no_price_and_no_path_of_the_log_is_in_it(exported):
    parts = read_bundle(exported).parts
    assert "price" not in pd.read_parquet(__import__("io").BytesIO(parts["history.parquet"]))
    assert b"log.csv" not in b"".join(parts.values())


def test_a_failed_export_leaves_nothing(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "graphrec.serving.bundle.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(InputError, match="full"):
        main(["export", str(checkpoint), "--out", str(tmp_path / "folder")])
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_are_told_at_once(checkpoint, exported, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="this is there already"):
        main(["export", str(checkpoint), "--out", str(tmp_path / "there")])
    with pytest.raises(InputError, match="this was exported already"):
        main(["export", str(exported), "--out", str(tmp_path / "b.zip")])
    with pytest.raises(InputError, match="holds no run"):
        main(["export", str(tmp_path), "--out", str(tmp_path / "b.zip")])


@pytest.mark.parametrize(
    "line", ["test --ckpt_path one.zip", "offers --ckpt_path one.zip --out o.csv", "refit one.zip"]
)
def test_commands_that_need_the_log_say_so(line, exported, shop):
    with pytest.raises(InputError, match=r"one\.zip.*(has no log|has no prices|holds no best)"):
        main(line.split())


def test_the_history_is_what_a_graph_reads(checkpoint):
    """Each pair once a week, with its last time; counted from the file itself."""
    train = load_run(checkpoint)[1].split.train
    rows = pd.read_csv("log.csv", dtype=str).drop_duplicates()
    day = pd.to_datetime(rows["timestamp"])
    week = (day - day.min()).dt.days // 7 + 1
    wanted = rows[week <= 18].assign(week=week).drop_duplicates(["user_id", "item_id", "week"])
    assert len(history_of(train)) == len(wanted)
