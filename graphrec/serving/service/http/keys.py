"""API keys: a file with their digests and roles, and which role each route needs."""

from __future__ import annotations

import hashlib
import json
import secrets
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from graphrec.errors import InputError
from graphrec.files import cannot_be_written, write_atomically

ROLES = ("read", "offer", "write", "operate", "metrics")
NEEDS = {
    "/recommend": "read",
    "/similar": "read",
    "/model": "read",
    "/offers": "offer",
    "/events": "write",
    "/model/reload": "operate",
    "/budget": "operate",
    "/desk/look": "operate",
    "/metrics": "metrics",
}
"""Path → the role of a key that may ask it."""
OPEN = ("/health", "/ready", "/docs", "/openapi.json", "/desk")
"""Paths that anybody may ask: they tell nothing of shoppers or money."""
_HINT = "make one by `graphrec serve --new_key NAME --roles read offer --keys FILE`"


@dataclass(frozen=True)
class Key:
    """Who may ask for what.

    Args:
        name: Of the program that holds it, for the log.
        roles: Some of `ROLES`.
    """

    name: str
    roles: frozenset[str]


class Keys:
    """Knows keys by their digests alone, so who reads the file has no key.

    Args:
        by_digest: SHA-256 of a key, in hexadecimal digits → whose it is. The keys are random and long, so no
            slow digest is needed.
    """

    def __init__(self, by_digest: Mapping[str, Key]) -> None:
        self._by_digest = dict(by_digest)

    def __len__(self) -> int:
        """Count them."""
        return len(self._by_digest)

    def of(self, key: str) -> Key | None:
        """Find whose a key is."""
        return self._by_digest.get(_digest(key))


def read_keys(path: Path) -> Keys:
    """Read a file of keys.

    Raises:
        InputError: If others may read it, or an entry is wrong.
    """
    check_private(path)
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML, too
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError("cannot be read as YAML or JSON", file=path, column="--keys", hint=_HINT) from error
    entries = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(entries, list) or not entries:
        raise InputError("has no list named keys", file=path, column="--keys", hint=_HINT)
    found = [_entry(path, at, entry) for at, entry in enumerate(entries, 1)]
    for names in ([digest for digest, _ in found], [key.name for _, key in found]):
        if len(set(names)) < len(names):
            raise InputError("a key or a name stands twice in it", file=path, column="--keys", hint=_HINT)
    return Keys(dict(found))


def check_private(path: Path) -> None:
    """Raise `InputError` for a file that is not there, or that others than its owner may read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InputError("there is no such file", file=path, column="--keys", hint=_HINT) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        hint = f"run chmod 600 {path}"
        raise InputError(
            f"others may read it (mode {stat.S_IMODE(mode):o})", file=path, column="--keys", hint=hint
        )


def add_key(path: Path, name: str, roles: Iterable[str]) -> str:
    """Make a key and add its digest to a file, which is made if it is not there.

    Returns:
        The key: it is written nowhere.

    Raises:
        InputError: If the file is wrong, or has that name already.
    """
    entries: list[dict[str, Any]] = []
    if path.exists():
        read_keys(path)
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["keys"]
    if any(entry["name"] == name for entry in entries):
        hint = "choose another name, or take the entry out of the file"
        raise InputError(f"there is a key named {name!r} already", file=path, column="--new_key", hint=hint)
    key = secrets.token_urlsafe(32)
    entries.append({"name": name, "sha256": _digest(key), "roles": list(roles)})
    text = json.dumps({"keys": entries}, indent=1, ensure_ascii=False) + "\n"

    made = not path.exists()
    try:
        path.touch(mode=0o600)  # what takes its place below has the mode of what was there
        write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise cannot_be_written(path, error) from error
    except InputError:
        if made:
            path.unlink(missing_ok=True)
        raise
    return key


def _entry(path: Path, at: int, entry: object) -> tuple[str, Key]:
    """Read one entry."""
    place = f"keys[{at}]"
    if not isinstance(entry, dict) or set(entry) != {"name", "sha256", "roles"}:
        raise InputError("needs name, sha256 and roles", file=path, column=place, hint=_HINT)
    digest, roles = str(entry["sha256"]).lower(), entry["roles"]
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise InputError("sha256 is no digest of 64 hexadecimal digits", file=path, column=place, hint=_HINT)
    unknown = [str(role) for role in roles if role not in ROLES] if isinstance(roles, list) else [str(roles)]
    if unknown or not roles:
        wrong = f"there is no role {unknown[0]!r}" if unknown else "has no role"
        raise InputError(wrong, file=path, column=place, hint=f"a list of some of {', '.join(ROLES)}")
    return digest, Key(str(entry["name"]), frozenset(roles))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
