from __future__ import annotations

import pytest

from graphrec.errors import InputError
from graphrec.serving.state.events import Event
from graphrec.serving.state.opening import check_store, open_store


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("sqlite:a.db", "a.db"),
        ("sqlite:sub/with no ending", "sub/with no ending"),
        ("sqlite:///b.db", "b.db"),
        ("sqlite:{}/c.db", "c.db"),
        ("sqlite:///{}/d.db", "d.db"),
        ("{}/e.sqlite", "e.sqlite"),
        ("f:g.sqlite3", "f:g.sqlite3"),
    ],
)
def test_a_file_by_each_form_of_its_address(tmp_path, monkeypatch, address, file):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    store = open_store(address.format(tmp_path))
    assert store.post([Event("e", "u", "i")]) == [True]
    assert (tmp_path / file).stat().st_size > 0
    store.close()


@pytest.mark.parametrize(
    "address", ["", "state", "sqlite:", "sqlite::memory:", "sqlite://a.db", "mongodb://host/a.db", "http:a"]
)
def test_another_address_is_one_line_and_makes_nothing(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"--store: .*; give sqlite:state.db or redis://host:6379/0"):
        open_store(address)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["sqlite:a.db", "a.db", "redis://127.0.0.1:1/0"])
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("events=many", "'events': 'many' is no number; give events=30"),
        ("events=0", "'events': 0 is too small"),
        ("id_days=0.5", "'id_days': 0.5 is too small"),
        ("history_days=nan", "'history_days': nan is not a finite"),
        ("days=3", "'days' is no option of it; known are"),
        ("=", "'' is no option of it"),
        ("events=", "events= has no value"),
        ("events", "'events' is no option of it"),
    ],
)
def test_options_of_an_address_that_are_none_are_one_line(tmp_path, monkeypatch, place, query, said):
    monkeypatch.chdir(tmp_path)
    for read in (check_store, open_store):
        with pytest.raises(InputError) as refused:
            read(f"{place}?{query}")
        assert said in str(refused.value)
    assert list(tmp_path.iterdir()) == []
