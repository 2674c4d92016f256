"""What `graphrec serve` was told."""

from __future__ import annotations

import argparse
import ipaddress
import socket
from contextlib import suppress
from pathlib import Path

from graphrec.errors import InputError, check_above, check_at_least, check_between
from graphrec.serving.service.http.keys import read_keys
from graphrec.serving.service.settings import Settings
from graphrec.serving.service.split import salt_at
from graphrec.serving.service.versions import versions_at
from graphrec.serving.state.opening import open_store
from graphrec.serving.state.store import StoreDown

_MOST_WORKERS, _MOST_WEEKS = 64, 53


def settings_of(options: argparse.Namespace) -> Settings:
    """Check what was told.

    Raises:
        InputError: If something of it cannot be.
    """
    if options.MODEL is None:
        raise InputError("needs a model", hint="give what `graphrec export` wrote")
    _check_numbers(options)
    _check_open(options)
    other, share = _second(options)
    for place in (options.MODEL, other):
        if place is not None:
            versions_at(place)
    _check_store(options.store)
    return Settings(
        model=str(options.MODEL),
        store=options.store,
        keys=None if options.keys is None else str(options.keys),
        other=None if other is None else str(other),
        share=share,
        salt=_salt(options),
        desk=options.desk,
        budget=options.budget,
        max_offers=options.max_offers_per_user,
        weeks=options.weeks,
        deadline=options.deadline,
        waiting=options.waiting,
        trust=options.trust,
    )


def _check_numbers(options: argparse.Namespace) -> None:
    check_between(0, 65_535, **{"--port": options.port})
    check_between(1, _MOST_WORKERS, **{"--workers": options.workers})
    if options.weeks is not None:
        check_between(1, _MOST_WEEKS, **{"--weeks": options.weeks})
    check_above(0, **{"--deadline": options.deadline})
    check_at_least(1, **{"--waiting": options.waiting})
    if options.budget is not None:
        check_at_least(0, **{"--budget": options.budget})
    if options.max_offers_per_user is not None:
        check_at_least(0, **{"--max_offers_per_user": options.max_offers_per_user})


def _check_open(options: argparse.Namespace) -> None:
    """Refuse to answer other machines without keys."""
    if options.keys is not None:
        read_keys(options.keys)
    elif not _own_machine(options.host):
        hint = "give --keys FILE, see --new_key, or listen on 127.0.0.1"
        raise InputError("other machines would be answered without a key", column="--host", hint=hint)


def _check_store(address: str) -> None:
    """Refuse an address that names no store; one that is down may come up later."""
    with suppress(StoreDown):
        open_store(address).close()


def _own_machine(host: str) -> bool:
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return True  # `listen` says what is wrong with it
    return all(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found)


def _second(options: argparse.Namespace) -> tuple[Path | None, float]:
    if options.split is None:
        return options.shadow, 0.0
    place, text = options.split
    try:
        share = float(text)
    except ValueError as error:
        hint = "as --split other.zip 0.1"
        raise InputError(f"{text!r} is no share", column="--split", hint=hint) from error
    if not 0 < share <= 1:
        raise InputError(f"{text} is no share", column="--split", hint="give more than 0, up to 1")
    return Path(place), share


def _salt(options: argparse.Namespace) -> str | None:
    if options.split is None:
        if options.salt is not None:
            hint = "give --split MODEL SHARE, too"
            raise InputError("only --split deals shoppers out", column="--salt", hint=hint)
        return None
    if options.salt is None:
        hint = "give --salt FILE: it is made if it is not there, and is to be the same on every machine"
        raise InputError("needs the file of its salt", column="--split", hint=hint)
    salt_at(options.salt)
    return str(options.salt)
