"""Spaces: what a file may say, how large it is, and the line where it says something else."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml

from graphrec.cli.tune.files import SPACES, read_space
from graphrec.errors import InputError
from graphrec.tuning.settings import Choice, Range


def space(tmp_path: Path, text: str):
    file = tmp_path / "space.yaml"
    file.write_text(text)
    return read_space(file)


WHOLE = """\
parameters:
  a.rate: {min: 0.001, max: 0.1, distribution: log_uniform_values}
  a.share: {min: 0.0, max: 1.0}
  a.half: {min: 0, max: 1, q: 0.25, distribution: q_uniform}
  a.layers: {min: 1, max: 4}
  a.dim: {min: 16, max: 256, q: 1, distribution: q_log_uniform_values}
  a.loss: {values: [x, y, [1, 2], true]}
  a.fixed: {value: 7}
  b:
    parameters:
      c: {values: [1, 2]}
"""


def test_every_kind_of_setting_is_read(tmp_path):
    found = {one.key: one for one in space(tmp_path, WHOLE).settings}
    assert found["a.rate"] == Range("a.rate", 0.001, 0.1, log=True)
    assert found["a.share"] == Range("a.share", 0.0, 1.0)
    assert found["a.half"].values() == [0, 0.25, 0.5, 0.75, 1]
    assert found["a.layers"].values() == [1, 2, 3, 4]
    assert found["a.dim"] == Range("a.dim", 16, 256, whole=True, log=True)
    assert found["a.loss"].values() == ["x", "y", [1, 2], True]
    assert found["a.fixed"] == Choice("a.fixed", (7,))
    assert found["b.c"] == Choice("b.c", (1, 2))


def test_sizes_are_told(tmp_path):
    assert space(tmp_path, WHOLE).size is None
    few = space(tmp_path, "parameters:\n  a: {values: [1, 2, 3]}\n  b: {min: 1, max: 4}\n")
    assert few.size == 12 == len(list(few.points()))
    assert few.told()[0] == "2 settings: 3 x 4 = 12 points"
    assert space(tmp_path, "parameters: {}").size == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a: {mn: 1, max: 2}", "row 3, column 'a': there is no key 'mn' in a setting; did you mean 'min'?"),
        ("a: 5", "row 3, column 'a': 5 says not what may be tried"),
        ("a: {min: 1}", "max is missing"),
        ("a: {min: 2, max: 1}", "min 2 is not below max 1"),
        ("a: {min: 0, max: 1, distribution: log_uniform_values}", "a log range begins above 0"),
        ("a: {min: 0, max: 1, distribution: uniformly}", "did you mean 'uniform'?"),
        ("a: {min: 0, max: .inf}", "max inf is no finite number"),
        ("a: {min: 0, max: 1, q: 0.1}", "q means nothing beside distribution int_uniform"),
        ("a: {min: 0, max: 1, q: 3, distribution: q_uniform}", "q 3 is no step"),
        ("a: {values: []}", "values is no list of values"),
        ("a: {values: [1, 2, 1]}", "1 is there twice"),
        ("a: {values: [1], min: 3}", "min means nothing beside distribution categorical"),
        ("a: {min: 8, max: 64, q: 8, distribution: q_log_uniform_values}", "whole steps of 1"),
    ],
)
def test_a_mistake_names_file_row_and_key(tmp_path, line, told):
    with pytest.raises(InputError) as caught:
        space(tmp_path, f"parameters:\n  fine: {{values: [1]}}\n  {line}\n")
    assert told in str(caught.value)
    assert str(tmp_path / "space.yaml") in str(caught.value)
    assert caught.value.row == 3
    assert caught.value.column == "a"


@pytest.mark.parametrize("text", ["a: 1\n", "parameters: [1]\n", "paramters: {}\n", "[]\n"])
def test_a_file_that_is_no_space_is_one_line(tmp_path, text):
    with pytest.raises(InputError, match=r"space\.yaml"):
        space(tmp_path, text)


def test_equal_numbers_of_another_kind_are_two_choices():
    one = Choice("a", (1, True, 1.5, "1"))
    assert [one.value(one.stored(value)) for value in one.choices] == [1, True, 1.5, "1"]
    assert one.value(one.stored(True)) is True
    assert one.stored(2) is None


def test_a_range_holds_what_it_draws_and_nothing_else():
    draw = random.Random(0)
    for _ in range(200):
        low = draw.choice([0.001, 0.3, 7, -2])
        one = Range("a", low, low + draw.choice([0.1, 5, 100]))
        value = one.value(draw.uniform(one.low, one.high))
        assert one.low <= value <= one.high
        assert one.stored(value) == value
        assert one.stored(one.high + 1) is None
    whole = Range("a", 1, 9, whole=True, step=2)
    assert [value for value in range(12) if whole.stored(value) is not None] == [1, 3, 5, 7, 9]
    assert whole.stored(True) is None
    assert whole.stored("3") is None


@pytest.mark.parametrize("file", sorted(SPACES.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_space_is_one(file):
    found = read_space(file)
    assert len({one.key for one in found.settings}) == len(found.settings)
    assert json.dumps([one.values() for one in found.settings])
    assert set(yaml.safe_load(file.read_text())) == {"parameters"}
