"""Every option of every command changes the result or is refused: the table of `option_table.py`, run."""

from __future__ import annotations

import pytest
from option_shop import build, execute
from option_table import TABLE, Check

CHECKS = [
    pytest.param(command, check, id=f"{command} {check.given}")
    for command, rows in TABLE.items()
    for checks in rows.values()
    for check in checks
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder, build(folder), {}


@pytest.mark.parametrize(("command", "check"), CHECKS)
def test_an_option_changes_the_result_or_is_refused(command, check: Check, shop, capfd, monkeypatch):
    folder, known, done = shop
    monkeypatch.chdir(folder)

    def ran(words: str, place: str):
        return execute(words, known, folder / place, lambda: "".join(capfd.readouterr()))

    second = ran(f"{command} {check.words} {check.given}", "second")
    if check.refused:
        assert second.refused is not None, f"not refused; it printed {second.output}"
        assert check.refused in second.refused
        return
    assert second.refused is None, second.refused
    words = f"{command} {check.words} {check.instead}"
    if (words, check.result) not in done:
        first = ran(words, "first")
        assert first.refused is None, first.refused
        done[words, check.result] = check.result(first)
    assert check.result(second) != done[words, check.result]
