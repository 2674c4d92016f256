"""Lists of other libraries: against pandas to 1e-12, planted faults told with their numbers, odd files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import lists_oracle
import pandas as pd
import pytest

from graphrec.cli.main import main
from graphrec.errors import InputError

GIVEN = Path(__file__).parents[2] / "fixtures" / "lists"
PEERS = ("implicit", "lenskit", "cornac")


@pytest.fixture
def here(tmp_path, monkeypatch):
    shutil.copytree(GIVEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(*words: str) -> pd.DataFrame:
    return main(["evaluate", "--test", "test.csv", *words])


def numbers(name: str, *words: str) -> dict:
    """What a file comes to, as it is written."""
    evaluate("--recommendations", name, "--out", "out", *words)
    return json.loads((Path("out") / name.partition(".")[0] / "test_metrics.json").read_text())


def test_three_libraries_have_the_figures_of_pandas(here):
    files = [f"{name}.csv" for name in PEERS]
    evaluate("--recommendations", *files, "--train", "train.csv", "-k", "3", "8", "--out", "out")
    train, test = (lists_oracle.read(Path(f"{part}.csv")) for part in ("train", "test"))
    for name in PEERS:
        found = lists_oracle.values(lists_oracle.read(Path(f"{name}.csv")), train, test, (3, 8))
        told = json.loads(Path(f"out/{name}/test_metrics.json").read_text())
        ends = lists_oracle.bounds(found)
        assert len(found.columns) >= 14
        for metric, mean in found.mean().items():
            key = f"test_{metric}_all"
            assert told[key] == pytest.approx(mean, abs=1e-12), (name, metric)
            assert told[f"{key}_low"] == pytest.approx(ends.loc["low", metric], abs=1e-12)
            assert told[f"{key}_high"] == pytest.approx(ends.loc["high", metric], abs=1e-12)
        kept = pd.read_parquet(f"out/{name}/test_users.parquet").set_index("user_id")
        for metric in found:
            assert kept[metric].to_numpy() == pytest.approx(found[metric].to_numpy(), abs=1e-12)
    pairs = pd.read_csv("out/significance.csv").query("metric == 'ndcg_8'")
    means = {name: json.loads(Path(f"out/{name}/test_metrics.json").read_text()) for name in PEERS}
    assert len(pairs) == 3
    for row in pairs.itertuples():
        apart = means[row.run_a]["test_ndcg_8_all"] - means[row.run_b]["test_ndcg_8_all"]
        assert row.difference == pytest.approx(apart, abs=1e-12)


def test_rows_in_any_order_are_the_same_lists(here):
    whole = lists_oracle.read(Path("lenskit.csv"))
    whole.sample(frac=1, random_state=3).to_csv("mixed.csv", index=False)
    first = numbers("lenskit.csv", "--train", "train.csv")
    assert numbers("mixed.csv", "--train", "train.csv") == first


def as_text(frame: pd.DataFrame) -> str:
    rows = [(user, own["item_id"].str[1:].astype(int)) for user, own in frame.groupby("user_id", sort=False)]
    return "".join(f"{int(user[1:])} {' '.join(map(str, items))}\n" for user, items in rows)


def test_the_text_form_of_lightgcn_is_the_same_lists(here):
    for name in ("cornac", "train", "test"):
        Path(f"{name}.txt").write_text(as_text(lists_oracle.read(Path(f"{name}.csv"))))
    first = numbers("cornac.csv", "--train", "train.csv")
    words = ["--recommendations", "cornac.txt", "--test", "test.txt", "--train", "train.txt", "--out", "out"]
    main(["evaluate", *words])
    second = json.loads(Path("out/cornac/test_metrics.json").read_text())
    for key, value in first.items():
        if key.startswith(("test_ndcg", "test_novelty", "test_users")) and not key.endswith(("low", "high")):
            assert second[key] == pytest.approx(value, abs=1e-12), key
    with pytest.raises(InputError, match=r"train.csv.*text form|text form .* and train.csv is a table"):
        main(["evaluate", *words[:4], "--train", "train.csv"])


def test_what_was_bought_leaves_lists_and_test_part_as_by_hand(here):
    train, test = (lists_oracle.read(Path(f"{part}.csv")) for part in ("train", "test"))
    again = train.groupby("user_id").head(1)
    pd.concat([test, again]).to_csv("test.csv", index=False)
    ours = lists_oracle.read(Path("cornac.csv"))
    shown = pd.concat([again.assign(rank=0), ours])
    shown.to_csv("shown.csv", index=False)
    found = numbers("shown.csv", "--train", "train.csv", "--exclude_seen")
    wanted = lists_oracle.values(ours, train, test, (10, 20))["ndcg_10"].mean()
    assert found["test_ndcg_10_new"] == pytest.approx(wanted, abs=1e-12)
    asked = again["user_id"].isin(lists_oracle.read(GIVEN / "test.csv")["user_id"]).sum()
    assert f"{asked} listed items were bought by their user in training and are left out" in found["notes"]
    stay = numbers("shown.csv", "--train", "train.csv")
    assert stay["test_ndcg_10_all"] > found["test_ndcg_10_new"]
    assert any("(--exclude_seen leaves them out)" in said for said in stay["notes"])


def test_every_fault_of_a_list_is_told_with_its_number(here):
    test = lists_oracle.read(Path("test.csv"))
    users = test["user_id"].unique()
    ours = lists_oracle.read(Path("lenskit.csv"))
    ours = ours[ours["user_id"] != users[0]]
    ours = ours[~((ours["user_id"] == users[1]) & (ours["rank"] > 2))]
    odd = pd.DataFrame(
        {
            "user_id": ["stranger", users[2]],
            "item_id": ["i01", "never"],
            "score": [1.0, -9.0],
            "rank": [1, 99],
            "nbr_counts": [1, 1],
        }
    )
    pd.concat([ours, odd]).to_csv("odd.csv", index=False)
    notes = " | ".join(numbers("odd.csv", "--train", "train.csv", "-k", "8")["notes"])
    assert f"1 of {len(users)} users with test items have no list and count as 0" in notes
    idle = set(ours["user_id"]) - set(users)
    assert f"{len(idle) + 1} users of the file have no test items and are left out" in notes
    assert "1 listed items are in no part of the log" in notes
    short = ours[ours["user_id"].isin(users)].groupby("user_id").size()
    lacking = (short < 8).sum()
    assert f"{lacking} of {len(users) - 1} lists are shorter than 8, the shortest has 2" in notes
    assert "Diversity, Miscalibration; they need a category" in notes


def test_ties_ranks_against_scores_and_validation_items_are_told(here):
    ours = lists_oracle.read(Path("lenskit.csv"))
    users = ours["user_id"].unique()
    flat = ours.drop(columns="rank")
    flat.loc[flat["user_id"] == users[0], "score"] = 1.0
    flat.to_csv("flat.csv", index=False)
    tied = flat[flat.duplicated(["user_id", "score"])]["user_id"].nunique()
    notes = numbers("flat.csv", "--train", "train.csv")["notes"]
    assert any(f"{tied} lists have items of equal score" in one for one in notes)
    ours.assign(score=-ours["score"]).to_csv("against.csv", index=False)
    notes = numbers("against.csv", "--train", "train.csv")["notes"]
    assert any("users have scores that rise where the rank falls: the rank holds" in one for one in notes)
    ours.query("rank == 1")[["user_id", "item_id"]].to_csv("valid.csv", index=False)
    given = ["--train", "train.csv", "--valid", "valid.csv"]
    test = lists_oracle.read(Path("test.csv"))["user_id"]
    held = ours[(ours["rank"] == 1) & ours["user_id"].isin(test)]
    notes = numbers("lenskit.csv", *given)["notes"]
    assert any(one.startswith(f"{len(held)} listed items are of their user's validation") for one in notes)
    joined = numbers("lenskit.csv", *given, "--refit")["notes"]
    assert any(one.startswith(f"{len(held)} listed items were bought by their user") for one in joined)


def rows(*more: str) -> str:
    return "\n".join(["user_id,item_id,rank", "u00,i01,1", "u00,i02,2", *more, ""])


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (rows("u00,i01,3"), [], "row 4, column 'item_id': the list of user 'u00' has the item 'i01' twice"),
        (rows("u00,i03,2"), [], "bad.csv, row 4, column 'rank': the list of user 'u00' has the rank 2 twice"),
        (rows("u00,i03,"), [], "bad.csv, row 4, column 'rank': the value is missing"),
        (rows("u00,,3"), [], "bad.csv, row 4, column 'item_id': the value is missing"),
        (rows("u00,i03,first"), [], "bad.csv, row 4, column 'rank': 'first' is not a number"),
        ("user_id,item_id\nu00,i01\n", [], "bad.csv: neither rank nor score.*--columns rank=position"),
        ("user_id,item_id,score\nu00,i01,-3.4028235e38\n", [], "row 2, column 'score': 1 scores are"),
        ("user_id,item_id,rank\nx,i01,1\n", [], "bad.csv, column 'user_id': none of the 1 ids is one of"),
        (rows(), ["--columns", "rank=place"], "--columns: no file has a column 'place'"),
        (rows(), ["--columns", "rang=rank"], "'rang' is no column of these files"),
        (rows(), ["--exclude_seen"], "--exclude_seen: this needs --train"),
        (rows(), ["--category", "kind"], "--category: this needs --items"),
        (rows(), ["--valid", "test.csv"], "--valid: this needs --train"),
        (rows(), ["-k", "0"], "-k: 0 is too small"),
        (rows(), ["--train", "train.csv", "--refit"], "--refit: this needs --valid"),
        (rows(), ["--out", "test.csv"], "test.csv.*this file is read here"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_one_line(here, text, words, message):
    Path("bad.csv").write_text(text)
    with pytest.raises(InputError, match=message) as refused:
        evaluate("--recommendations", "bad.csv", *words)
    assert "\n" not in str(refused.value)


def test_two_files_of_one_name_are_called_by_their_folders(here, capfd):
    for folder in ("a", "b"):
        Path(folder).mkdir()
        shutil.copy("cornac.csv", f"{folder}/lists.csv")
    table = evaluate("--recommendations", "a/lists.csv", "b/lists.csv")
    assert list(table) == ["measure", "a-lists", "b-lists"]
    with pytest.raises(InputError, match="has the same name"):
        evaluate("--recommendations", "a/lists.csv", "a/lists.csv")


def test_names_semicolons_and_letters_of_another_country(here):
    ours = lists_oracle.read(Path("implicit.csv")).rename(columns={"user_id": "Käufer", "score": "Wert"})
    ours.assign(Käufer="Müller " + ours["Käufer"]).to_csv(
        "liste.csv", sep=";", index=False, encoding="latin-1"
    )
    for part in ("train", "test"):
        frame = lists_oracle.read(Path(f"{part}.csv"))
        frame = frame.assign(user_id="Müller " + frame["user_id"]).rename(columns={"user_id": "Kunde"})
        frame.to_csv(f"{part}_alt.csv", sep=";", index=False, encoding="latin-1")
    ours.rename(columns={"Käufer": "Kunde"}).assign(Kunde="Müller " + ours["Käufer"]).to_csv(
        "liste.csv", sep=";", index=False, encoding="latin-1"
    )
    words = [
        "--test",
        "test_alt.csv",
        "--train",
        "train_alt.csv",
        "--delimiter",
        ";",
        "--encoding",
        "latin-1",
    ]
    columns = ["--columns", "user_id=Kunde", "score=Wert"]
    found = main(["evaluate", "--recommendations", "liste.csv", *words, *columns])
    wanted = evaluate("--recommendations", "implicit.csv", "--train", "train.csv")
    assert found["liste"].tolist() == wanted["implicit"].tolist()


def test_without_train_what_needs_it_is_named_and_missing(here, capfd):
    table = evaluate("--recommendations", "cornac.csv")
    said = capfd.readouterr().err
    assert "not measured: Coverage, " in said
    assert "Novelty, Serendipity; they need the training part: --train" in said
    assert set(table["measure"].str.partition("@")[0]) == {
        "Precision", "Recall", "NDCG", "Hit ratio", "MRR", "MAP"
    }  # fmt: skip


def test_attributes_give_segments_fairness_and_measures_of_categories(here):
    train = lists_oracle.read(Path("train.csv"))
    people = pd.DataFrame({"user_id": sorted(train["user_id"].unique())})
    people.assign(town=["Bern", "Ulm"] * (len(people) // 2)).to_csv("users.csv", index=False)
    things = pd.DataFrame({"item_id": sorted(train["item_id"].unique())})
    things.assign(kind=["a", "b", "c"] * (len(things) // 3)).to_csv("items.csv", index=False)
    words = ["--train", "train.csv", "--users", "users.csv", "--items", "items.csv", "--category", "kind"]
    found = numbers("cornac.csv", *words)
    ours = lists_oracle.read(Path("cornac.csv"))
    kind = dict(zip(things["item_id"], ["a", "b", "c"] * (len(things) // 3), strict=True))
    users = lists_oracle.read(Path("test.csv"))["user_id"].unique()
    apart = []
    for _, own in ours[ours["user_id"].isin(users)].groupby("user_id"):
        kinds = [kind[item] for item in own["item_id"]]
        pairs = [(a, b) for place, a in enumerate(kinds) for b in kinds[place + 1 :]]
        apart.append(sum(a != b for a, b in pairs) / len(pairs))
    assert found["test_diversity_10_all"] == pytest.approx(sum(apart) / len(users), abs=1e-12)
    segments = pd.read_csv("out/segments.csv")
    assert set(segments.query("by == 'town'")["segment"]) == {"Bern", "Ulm"}
    assert {"train_interactions", "train_buyers", "town"} == set(segments["by"])
    page = Path("out/report.html").read_text()
    assert "graphrec evaluate" in page or "command" in json.loads(Path("out/cornac/run.json").read_text())


def test_compare_reads_what_was_written(here):
    evaluate("--recommendations", "cornac.csv", "lenskit.csv", "--train", "train.csv", "--out", "out")
    main(["compare", "out/cornac", "out/lenskit", "--out", "again"])
    first, second = (pd.read_csv(f"{folder}/comparison.csv") for folder in ("out", "again"))
    pd.testing.assert_frame_equal(first, second)
    main(["report", "out/cornac", "--out", "one.html", "--examples", "0"])
    assert "fit again" not in Path("one.html").read_text().lower()


def test_its_help_loads_no_torch():
    code = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules))\n"
    code += "from graphrec.cli.main import main\nmain(['evaluate', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("False")
