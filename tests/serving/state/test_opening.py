from __future__ import annotations

import pytest

from graphrec.errors import InputError
from graphrec.serving.state.events import Event
from graphrec.serving.state.opening import open_store


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
