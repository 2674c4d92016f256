from __future__ import annotations

import pandas as pd
import pytest

from graphrec.data import sources
from graphrec.data.joins import join
from graphrec.errors import InputError


def joined(theirs, ours, **how):
    return join(pd.Series(theirs, dtype="str"), ours, file="f.csv", column="item_id", **how).tolist()


def test_what_joins_is_not_spoken_of(capsys):
    log = [f"i{n}" for n in range(10)]
    assert joined(log[:9], log, whole=True) == log[:9]
    assert joined(log[:2], log) == log[:2], "stock may be known of few items"
    assert joined([*log, *(f"x{n}" for n in range(50))], log)[:10] == log, "or of a larger assortment"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("share", "warned"), [(90, False), (89, True), (1, True)])
def test_under_nine_tenths_a_line_names_both_sides(share, warned, capsys):
    log = [f"i{n:02}" for n in range(100)]
    joined([*log[:share], "other"], log, whole=True)
    said = capsys.readouterr().err
    assert bool(said) == warned
    if warned:
        assert f"f.csv, column 'item_id': only {share} of 100 ids of the log are in this file" in said
        assert "the file has 'other', the log has" in said
        assert f"'i{share:02}'" in said


@pytest.mark.parametrize(
    ("theirs", "ours", "says"),
    [
        (["13", "14"], ["00013", "00014"], "they differ in leading zeros"),
        (["ABC"], ["abc"], "they differ in capital and small letters"),
        (["sku-7"], [7, 8], "they differ in what stands before the digits"),
        (["x"], ["y"], "the file has 'x', the log has 'y'"),
        ([None], ["y"], "none of the 0 ids"),
    ],
)
def test_a_file_that_joins_nothing_is_refused(theirs, ours, says):
    with pytest.raises(InputError, match=says) as caught:
        joined(theirs, ours)
    assert caught.value.column == "item_id"


RATINGS = "userId,movieId,rating,timestamp\n1,10,4,978300760\n2,11,5,978300761\n"


@pytest.mark.parametrize(
    ("files", "read"),
    [
        (
            {"ratings.csv": RATINGS, "movies.csv": "movieId,title,genres\n010,A,Drama\n011,B,War\n"},
            lambda folder: sources.movielens(str(folder)),
        ),
        (
            {
                "s.inter": "user_id:token\titem_id:token\n1\t10\n2\t11\n",
                "s.item": "item_id:token\tkind:token\n010\ta\n011\tb\n",
            },
            lambda folder: sources.recbole(str(folder / "s.inter")),
        ),
        (
            {"s.csv": "user_id,item_id\n1,10\n2,11\n", "i.csv": "item_id,kind\n010,a\n011,b\n"},
            lambda folder: sources.table(str(folder / "s.csv"), items=str(folder / "i.csv")),
        ),
    ],
    ids=["movielens", "recbole", "table"],
)
def test_every_source_refuses_attributes_of_others(tmp_path, files, read):
    """Never 'unknown' for everybody."""
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match="none of the 2 ids is one of the 2 ids of the log") as caught:
        read(tmp_path)
    assert str(caught.value.file).endswith(list(files)[1])
    assert "they differ in leading zeros" in str(caught.value)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (["1", "2.5", "3", "4", "?"], "1 of 5 values are no numbers, as '?': all are names"),
        (["1,5", "2,5", "3", "4", ""], "2 of 4 values are no numbers, as '1,5'"),
        (["10%", "20%", "30%", "5%", "1%"], "5 of 5 values are no numbers"),
        (["1", "2", "3", "4", "NA"], None),
        (["01234", "02345", "1", "2", "3"], None),
        (["1.2.3", "1.2.4", "1.3.0", "2.0.0", "2.0.1"], None),
        (["S", "M", "38", "40", "42"], None),
    ],
)
def test_an_attribute_of_numbers_that_become_names_is_told(tmp_path, capsys, written, told):
    (tmp_path / "log.csv").write_text("user_id,item_id\n" + "".join(f"{user},x\n" for user in "abcde"))
    rows = "".join(f'{user},"{value}"\n' for user, value in zip("abcde", written, strict=True))
    (tmp_path / "users.csv").write_text("user_id,size\n" + rows)
    sources.table(str(tmp_path / "log.csv"), users=str(tmp_path / "users.csv"))
    said = capsys.readouterr().err
    assert ("column 'size': " + told in said) if told else not said
