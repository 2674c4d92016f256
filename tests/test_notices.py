"""Lines on standard error: one each, in the form of an error's, from the first process alone."""

from graphrec.errors import InputError
from graphrec.notices import note, warn

PLACE = {"file": "log.csv", "row": 3, "column": "item_id", "hint": "remove\nit"}


def test_a_warning_has_the_form_of_an_error(capsys):
    warn("looks  odd", **PLACE)
    assert capsys.readouterr().err == f"graphrec: warning: {InputError('looks odd', **PLACE)}\n"


def test_only_the_first_process_speaks(capsys, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    note("rows")
    assert capsys.readouterr().err == ""
