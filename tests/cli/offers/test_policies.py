"""Policies that a command line names: ours, a module's, a file's, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from graphrec.cli.offers.policies import policy_of
from graphrec.errors import InputError
from graphrec.offers.policies.named import POLICIES
from graphrec.offers.policies.rules import LinearRate, Uniform

OWN = """
from dataclasses import dataclass
from graphrec.offers.decision import Decision

@dataclass
class Flat:
    rate: float = 0.03
    levels: tuple = ()
    name: str = "flat"
    def rates(self, pairs, budget):
        return Decision(self.rate + 0 * pairs.price)

DEEP = Flat(0.3, name="deep")

class Bare:
    name = "bare"

class Needy(Flat):
    def __init__(self, depth):
        self.depth = depth
"""


@pytest.fixture
def module(tmp_path, monkeypatch, request) -> str:
    """A module of one's own in the current folder, under a name that no other test has imported."""
    monkeypatch.chdir(tmp_path)
    name = f"own_{abs(hash(request.node.name))}"
    Path(f"{name}.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield name
    sys.modules.pop(name, None)


def write(text: str) -> str:
    Path("policy.yaml").write_text(text)
    return "policy.yaml"


def test_ours_are_named_shortly():
    for name, kind in POLICIES.items():
        assert policy_of(name) == kind()
    assert policy_of("uniform", 0.2) == Uniform(0.2)
    assert policy_of("linear_rate", 0.2) == LinearRate()


def test_a_class_or_an_instance_of_a_module_is_named_by_its_path(module):
    assert policy_of(f"{module}.Flat").rate == 0.03
    assert policy_of(f"{module}.DEEP").name == "deep"


def test_a_file_gives_arguments(module):
    found = policy_of(write(f"class_path: {module}.Flat\ninit_args: {{rate: 0.07, levels: [0, 0.1]}}"))
    assert (found.rate, found.levels) == (0.07, (0, 0.1))
    assert policy_of(write("class_path: LinearRate\ninit_args: {slope: 0.3}")) == LinearRate(0.3)
    full = "class_path: graphrec.offers.policies.rules.LinearRate"
    assert policy_of(write(full)) == LinearRate()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("knapsak", "no policy 'knapsak'; did you mean 'knapsack'"),
        ("gift", "choose one of none, uniform"),
        ("nowhere_here.Flat", "no module 'nowhere_here'; modules are looked for in the current folder"),
        ("os.system", "'os.system' may not be named here"),
        ("subprocess.Popen", "may not be named here"),
        ("graphrec.files.write_text", "may not be named here"),
        ("numpy.load", "may not be named here; .*--trust"),
        ("absent.yaml", "absent.yaml.*no such file"),
        ("{module}.Falt", r"no 'Falt' in '\w+'; did you mean '\w+.Flat'"),
        ("{module}.Bare", "a Bare is no policy; a policy has a `name`"),
        ("{module}.Needy", "it cannot be made.*'depth'"),
        ("{module}.OWN.upper", "could not be imported"),
    ],
)
def test_what_is_no_policy_is_told_in_one_line(module, name, what):
    with pytest.raises(InputError, match=what) as error:
        policy_of(name.format(module=module))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- 1", "this is no policy; start with `class_path:`"),
        ("class_path: 3", "this is no policy"),
        ("class_path: [", "this is not YAML"),
        ("class_path: Uniform\nrate: 0.2", "column 'rate'.*no such key"),
        ("class_path: Uniform\ninit_args: 3", "column 'init_args'"),
        ("class_path: Uniform\ninit_args: {rat: 0.2}", "policy.yaml.*unexpected keyword argument 'rat'"),
        ("class_path: Uniform\ninit_args: {rate: 2}", "2 is not a rate"),
        ("class_path: Uniform\ninit_args: {rate: deep}", "policy.yaml"),
        ("class_path: os.system\ninit_args: {command: touch canary}", "may not be named here"),
        ("class_path: !!python/name:os.system", "this is not YAML"),
    ],
)
def test_what_a_file_gets_wrong_is_told_in_one_line(module, text, what):
    with pytest.raises(InputError, match=what) as error:
        policy_of(write(text))
    assert "\n" not in str(error.value)
    assert not Path("canary").exists()


def test_a_module_that_fails_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("broken_policy.py").write_text("import nowhere_at_all\n")
    with pytest.raises(InputError, match=r"'broken_policy' could not be imported.*nowhere_at_all"):
        policy_of("broken_policy.Mine")
