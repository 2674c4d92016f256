from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest

from graphrec.errors import InputError
from graphrec.offers.candidates.lists import ScenarioTables
from graphrec.offers.economics import Economics
from graphrec.offers.limits.guardrails import Guardrails
from graphrec.offers.scenario_files.read import read_scenario, scenario_named, scenario_of
from graphrec.offers.scenarios import SCENARIO_NAMES, Scenario

EXPERIMENTS = Path(__file__).parents[2] / "experiments" / "offers"


@pytest.mark.parametrize("name", SCENARIO_NAMES)
def test_the_experiments_are_the_package_s_own_files(name):
    assert read_scenario(EXPERIMENTS / f"{name}.yaml") == scenario_named(name)
    text = (EXPERIMENTS / f"{name}.yaml").read_text(encoding="utf-8")
    assert f"--scenario {name}" in text.splitlines()[0], "its first line says how to run it"
    assert scenario_named(name).about


def test_the_objective_is_the_weighted_sum():
    scenario = Scenario("retention", profit=2.0, revenue=0.5, units=0.1, worth=0.3, sold=4.0)
    p, price, rate = np.array([0.2]), np.array([10.0]), np.array([0.1])
    economics = Economics()
    expected = 2 * 0.2 * (9.5 - 7) + 0.5 * 0.2 * 9.5 + 0.2 * (0.1 * 10 + 0.3 * 6 + 4)
    assert scenario.value(p, price, rate, economics, np.array([6.0])) == pytest.approx(expected)


@pytest.mark.parametrize(("objective", "value"), [("profit", 0.5), ("revenue", 1.9), ("units", 0.2)])
def test_another_objective_replaces_every_weight(objective, value):
    aimed = scenario_named("clearance").aiming_at(objective)
    found = aimed.value(np.array([0.2]), np.array([10.0]), np.array([0.1]), Economics(), np.array([9.0]))
    assert found == pytest.approx(value)
    assert aimed.measure == objective
    assert aimed.max_rate == scenario_named("clearance").max_rate
    assert scenario_named("launch").measure == "launch value"
    assert scenario_named("launch").aiming_at("scenario") == scenario_named("launch")


def test_a_clearance_may_sell_below_cost_down_to_salvage_and_no_further():
    economics = Economics(margin=0.3, funded_share=1.0)
    scenario = Scenario("clearance", salvage=0.5, max_rate=0.9)
    guardrails = scenario.guardrails(Guardrails())
    assert guardrails.margin_limit(economics) == pytest.approx(0.5)
    assert Guardrails().margin_limit(economics) < 0.3
    assert Scenario("promotion").guardrails(Guardrails()) == Guardrails()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("about: sale", "column 'name'.*start with `name:`"),
        ("name: yes", "column 'name'"),
        ("- 1", "column 'name'"),
        ("name: sale\nlike: sales", "column 'like'.*'sales' is not a value; give one of promotion"),
        ("name: sale\nworth: 1", "column 'worth'.*the scenario promotion knows no worth"),
        ("name: sale\ninclude: [a]", "column 'include'.*name a table beside this file"),
        ("name: sale\noverstock: much", "column 'overstock'.*write true"),
        ("name: sale\nlike: clearance\nlaunch: a.csv", "column 'launch'.*like clearance has none of it"),
        ("name: sale\nlaunch: a.csv\npairs: seen", "column 'pairs'.*nobody has bought"),
        ("name: sale\nlaunch: a.csv\ninclude: b.csv", "column 'include'.*leave one of the two out"),
        ("name: sale\ncalendar: 3", "column 'calendar'.*this is no calendar"),
        ("name: sale\ncalendar: []", "column 'calendar'.*this is no calendar"),
        ("name: sale\ncalendar: [{name: a, first: 3}]", "an event has no last"),
        ("name: sale\ncalendar: [{name: a, first: 3, last: 2}]", "column 'last'.*a ends with 2, before 3"),
        ("name: sale\ncalendar: [{name: a, first: 3, last: 2026-01-01}]", "a has a day and a week"),
        ("name: sale\ncalendar: [{name: a, first: soon, last: 2}]", "column 'first'.*'soon' is no day"),
        ("name: sale\ncalendar: [{name: a, first: 20261111, last: 20261112}]", "is no day and no week"),
        (
            "name: sale\ncalendar: [{name: a, first: 1, last: 2, rate: 0.1}]",
            "an event has no 'rate'.*known are",
        ),
        (
            "name: sale\ncalendar: [{name: a, first: 1, last: 2, max_rate: 50}]",
            "'max_rate'.*50 is no rate",
        ),
        ("name: sale\ncalendar: [{name: a, first: 1, last: 2, levels: [0.1]}]", "'levels'.*no list"),
        (
            "name: sale\ncalendar: [{name: a, first: 1, last: 2, budget_per_day: x}]",
            "column 'budget_per_day'",
        ),
        (
            "name: sale\ncalendar: [{name: a, first: 1, last: 2, budget_per_day: 1, budget_per_week: 1}]",
            "a budget per day and one per week",
        ),
        ("name: launch\nunit: 1", "column 'unit'.*did you mean 'units'"),
        ("name: launch\nunits: many", "column 'units'.*'many' is not a value"),
        ("name: launch\nmax_rate: 1.5", "column 'max_rate'.*share"),
        ("name: launch\npairs: some", "column 'pairs'"),
        ("name: launch\nlevels: 3", "column 'levels'"),
        ("name: launch\nlevels: [0.1, 0.2]", "column 'levels'.*increasing rates that start with 0"),
        ("name: a\ncalendar: [{name: a, first: 2026-13-01, last: 2026-12-01}]", "not YAML.*month must be"),
        ("name: [", "not YAML"),
    ],
)
def test_a_file_of_one_s_own_is_checked(tmp_path, text, says):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.yaml.*" + says):
        scenario_of(str(path))


def test_a_scenario_is_a_name_or_a_file(tmp_path):
    assert scenario_of("launch") == scenario_named("launch")
    (tmp_path / "mine.yaml").write_text("name: launch\nunits: 0.4\nlevels: [0, 0.2]\n", encoding="utf-8")
    mine = scenario_of(str(tmp_path / "mine.yaml"))
    assert (mine.units, mine.levels, mine.pairs) == (0.4, (0.0, 0.2), "all")
    with pytest.raises(InputError, match="choose one of promotion, clearance"):
        scenario_of("sale")
    with pytest.raises(InputError, match="no such file"):
        scenario_of("absent.yaml")


def test_a_scenario_of_any_name_chooses_as_it_says(tmp_path):
    for text, name, rule in (
        ("name: 双十一", "双十一", "promotion"),
        ("name: 618", "618", "promotion"),
        ("name: summer\nlike: clearance", "summer", "clearance"),
        ("name: launch", "launch", "launch"),
        ("name: launch\nlike: promotion", "launch", "promotion"),
    ):
        (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
        mine = scenario_of(str(tmp_path / "mine.yaml"))
        assert (mine.name, mine.rule) == (name, rule)
    (tmp_path / "mine.yaml").write_text(
        "name: a\ninclude: b.csv\nusers: sqlite:///c.db?table=d", encoding="utf-8"
    )
    mine = scenario_of(str(tmp_path / "mine.yaml"))
    assert (mine.include, mine.users) == (tmp_path / "b.csv", "sqlite:///c.db?table=d")


def test_the_shop_s_own_examples_are_read():
    own = {file.stem: read_scenario(file) for file in sorted((EXPERIMENTS / "own").glob("*.yaml"))}
    assert set(own) == {"calendar", "clearance", "new_products", "overstock", "vip"}
    for name, scenario in own.items():
        text = (EXPERIMENTS / "own" / f"{name}.yaml").read_text(encoding="utf-8")
        assert f"--scenario experiments/offers/own/{name}.yaml" in text
        ScenarioTables.read(scenario)
    assert [event.name for event in own["calendar"].calendar] == ["双十一", "年货节"]


WHOLE = """\
name: sale
like: retention
about: everything at once
profit: 1.0
revenue: 0.5
units: 0.1
worth: 0.1
sold: 2
pairs: seen
salvage: 0.4
max_rate: 0.5
levels: [0, 0.1, 0.5]
include: a.csv
exclude: b.csv
users: c.csv
overstock: 1.5
columns: {item_id: sku}
delimiter: ";"
encoding: gbk
calendar:
  - {name: a, first: 2026-11-01, last: 2026-11-11, max_rate: 0.5, budget_per_day: 300}
  - {name: b, first: 3, last: 4, levels: [0, 0.2], budget_per_week: 9}
"""
ODD = ["", "~", "[]", "{}", "-1", "1e999", ".nan", "true", "'x'", "[1, x]", "{a: b}", "2026-02-30", "0x1F"]
ODD += ["*a", "1_0", "豆", "-"]


@pytest.mark.parametrize("seed", range(3))
def test_a_file_with_mistakes_is_read_or_refused_in_one_line(tmp_path, seed):
    draw, path = random.Random(seed), tmp_path / "mine.yaml"
    path.write_text(WHOLE, encoding="utf-8")
    assert scenario_of(str(path)).calendar[1].per_week == 9
    refused = []
    for _ in range(150):
        text = WHOLE
        for _ in range(draw.choice([1, 1, 2])):
            values = list(re.finditer(r"(?<=: )[^,{}\[\]\n]+|\[[^\]]*\]|\{[^}]*\}", text))
            place = draw.choice(values)
            text = text[: place.start()] + draw.choice(ODD) + text[place.end() :]
        path.write_text(text, encoding="utf-8")
        try:
            scenario_of(str(path))
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 75
    assert all("mine.yaml" in line and "\n" not in line for line in refused)
