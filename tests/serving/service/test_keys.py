"""Who may ask what, and files of keys that are refused."""

from __future__ import annotations

import json
import os

import pytest
from live_parts import service

from graphrec.errors import InputError
from graphrec.serving.service.http.keys import NEEDS, OPEN, ROLES, add_key, read_keys

BODIES = {
    "/recommend": ("POST", {"user": "C17"}, "read"),
    "/similar": ("POST", {"items": ["i01"]}, "read"),
    "/model": ("GET", None, "read"),
    "/offers": ("POST", {"user": "C17"}, "offer"),
    "/events": ("POST", {"events": [{"id": "a", "user": "C17", "item": "i01"}]}, "write"),
    "/model/reload": ("POST", {}, "operate"),
    "/budget": ("GET", None, "operate"),
    "/desk/look": ("POST", {"user": "C17"}, "operate"),
    "/metrics": ("GET", None, "metrics"),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    keys = {role: add_key(folder / "keys.json", role, [role]) for role in ROLES}
    keys["all"] = add_key(folder / "keys.json", "all", ROLES)
    with service(folder, keys=str(folder / "keys.json"), desk=True) as running:
        yield running, keys


def test_every_route_is_in_the_table_or_open(shop):
    page = shop[0].client.app.openapi()["paths"]
    assert set(page) - set(OPEN) == set(BODIES) == set(NEEDS)
    for path, methods in page.items():
        for operation in methods.values():
            assert ("security" in operation) == (path in NEEDS)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("who", [*ROLES, "all", None, "wrong"])
def test_who_may_ask_what(shop, path, who):
    running, keys = shop
    method, body, role = BODIES[path]
    key = keys.get(who, "wrong") if who is not None else None
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    status = running.client.request(method, path, json=body, headers=headers).status_code
    assert status == (200 if who in (role, "all") else 401 if who in (None, "wrong") else 403)


def test_who_has_no_key_learns_nothing_by_a_wrong_body(shop):
    running, _ = shop
    got = running.client.post("/events", content=b"{", headers={"content-type": "application/json"})
    assert got.status_code == 401
    assert got.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_needs_no_key(shop, path):
    got = shop[0].client.get(path)
    assert got.status_code == 200
    assert "https://" not in got.text or path == "/openapi.json"


def test_the_file_keeps_digests_and_nobody_else_may_read_it(tmp_path):
    file = tmp_path / "keys.json"
    key = add_key(file, "web", ["read"])
    assert key not in file.read_text()
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert read_keys(file).of(key).name == "web"
    assert read_keys(file).of(key + "x") is None
    second = add_key(file, "till", ["write", "offer"])
    assert read_keys(file).of(second).roles == {"write", "offer"}
    assert read_keys(file).of(key).name == "web"
    assert os.stat(file).st_mode & 0o777 == 0o600
    with pytest.raises(InputError, match="there is a key named 'web'"):
        add_key(file, "web", ["read"])


GOOD = {"name": "web", "sha256": "0" * 64, "roles": ["read"]}
WRONG = {
    "no list": ({}, "no list named keys"),
    "empty": ({"keys": []}, "no list named keys"),
    "role": ({"keys": [{**GOOD, "roles": ["admin"]}]}, "there is no role 'admin'"),
    "no role": ({"keys": [{**GOOD, "roles": []}]}, "has no role"),
    "text": ({"keys": [{**GOOD, "roles": "read"}]}, "there is no role 'read'"),
    "digest": ({"keys": [{**GOOD, "sha256": "secret"}]}, "no digest"),
    "field": ({"keys": [{"name": "web"}]}, "needs name, sha256 and roles"),
    "twice": ({"keys": [GOOD, GOOD]}, "twice"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, name):
    content, said = WRONG[name]
    file = tmp_path / "keys.yaml"
    file.write_text(json.dumps(content))
    file.chmod(0o600)
    with pytest.raises(InputError, match=said):
        read_keys(file)


def test_a_file_that_others_may_read_is_refused(tmp_path):
    file = tmp_path / "keys.yaml"
    file.write_text(json.dumps({"keys": [GOOD]}))
    file.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        read_keys(file)
    with pytest.raises(InputError, match="there is no such file"):
        read_keys(tmp_path / "nowhere.json")
