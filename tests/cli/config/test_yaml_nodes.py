"""A YAML that says a thing twice, or itself, is refused with the row."""

# ruff: noqa: E501

from __future__ import annotations

import pytest

from graphrec.cli.config.files import check_configs
from graphrec.errors import InputError

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed_everything: 1\nrun: {}\nseed_everything: 2\n", "row 3, column 'seed_everything': this key stands twice, in row 1"),
        ("trainer: {max_epochs: 1, max_epochs: 2}\n", "row 1, column 'max_epochs': this key stands twice"),
        ("x: &a [*a]\n", "row 1: this part holds itself; write its parts out once"),
        ("trainer: &a {callbacks: [*a]}\n", "this part holds itself"),
        (LAUGHS, "its aliases stand for too much"),
    ],
)  # fmt: skip
def test_it_is_one_line(text, message, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        check_configs(["fit", "-c", str(file)])


def test_aliases_and_merges_of_a_sane_size_pass(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: {<<: *a, <<: {z: 1}}\nd: [*a, *a]\n")
    check_configs(["fit", "-c", str(file)])
