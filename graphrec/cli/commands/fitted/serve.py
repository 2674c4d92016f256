"""``graphrec serve``: lists, offers and events over HTTP, from an exported model."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from graphrec.cli.commands import COMMANDS
from graphrec.cli.start_up import importing
from graphrec.cli.trust import add_trust
from graphrec.errors import InputError
from graphrec.notices import note

EXAMPLES = """examples:
  graphrec serve model.zip
  graphrec serve versions/ --desk --budget 500 --max_offers_per_user 3
  graphrec serve --new_key web --roles read offer write --keys keys.json
  graphrec serve model.zip --host 0.0.0.0 --keys keys.json --store redis://10.0.0.5:6379/0 --workers 4
  graphrec serve model.zip --split other.zip 0.1 --salt split.salt
  curl -s localhost:8000/recommend -H 'Content-Type: application/json' -d '{"user": "C17"}'
"""
STORE, PORT = "sqlite:graphrec.db", 8000
_NEEDED = ("fastapi", "fastapi_offline", "uvicorn", "httptools", "prometheus_client")


def add_parser(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subcommands.add_parser(
        "serve",
        help=COMMANDS["serve"],
        description="Answer POST /recommend, /offers, /similar and /events over HTTP, until SIGTERM. The page"
        " /docs shows all of it. Without --keys only this machine is answered.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    what = (
        "what `graphrec export` wrote, a link to it, or a folder of such versions, of which the last answers"
    )
    add("MODEL", type=Path, nargs="?", help=what)
    add("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1: this machine alone)")
    add("--port", type=int, default=PORT, help=f"port to listen on (default {PORT}); 0 takes a free one")
    store = f"where events, offers and spend are kept: sqlite:FILE or redis://HOST:PORT/0 (default {STORE})"
    add("--store", default=STORE, metavar="ADDRESS", help=store)
    add("--keys", type=Path, metavar="FILE", help="file of API keys, YAML or JSON, that only you may read")
    add("--new_key", metavar="NAME", help="print a new key, add its digest to --keys, and end")
    roles = "what the new key may ask: read, offer, write, operate, metrics"
    add("--roles", nargs="+", metavar="ROLE", help=roles)
    add("--workers", type=int, default=1, help="processes that answer on the port (default 1)")
    add("--desk", action="store_true", help="add the offers desk: the page /desk")
    other = add_two(parser)
    add("--salt", type=Path, metavar="FILE", help=other)
    add("--budget", type=float, help="money of a horizon; what the export found, if missing")
    add("--max_offers_per_user", type=int, metavar="N", help="of a horizon; that of the export, if missing")
    add("--weeks", type=int, help="how long a horizon is; what the export was decided for, if missing")
    add("--deadline", type=float, default=2.0, metavar="SECONDS", help="give a request up after (default 2)")
    add("--waiting", type=int, default=64, metavar="N", help="requests that may wait, a process (default 64)")
    add_trust(parser)
    parser.set_defaults(run=run)


def add_two(parser: argparse.ArgumentParser) -> str:
    """Add what a second model may do; give what is said of the salt."""
    group = parser.add_mutually_exclusive_group()
    split = "answer a share of the shoppers, as 0.1, with a second model"
    group.add_argument("--split", nargs=2, metavar=("MODEL", "SHARE"), help=split)
    shadow = "ask a second model the same, and only count how much its lists differ"
    group.add_argument("--shadow", type=Path, metavar="MODEL", help=shadow)
    return "file of the secret by which --split deals shoppers out; it is made if it is not there"


def run(options: argparse.Namespace) -> None:
    """Check, take the port, answer."""
    _check_installed()
    if options.new_key is not None:
        _make_key(options)
        return
    if options.roles is not None:
        raise InputError("says what a new key may ask", column="--roles", hint="give --new_key NAME, too")
    with importing():
        from graphrec.cli.serving.request import settings_of
        from graphrec.cli.serving.worker import APP
        from graphrec.serving.service.process.server import listen, serve

    settings = settings_of(options)
    taken = listen(options.host, options.port)
    host, port = taken.getsockname()[:2]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    state = re.sub(r"//[^/@]*@", "//", options.store)  # without a password
    note(f"{options.MODEL} at {where}, state in {state}; {where}/docs shows how to ask")
    if options.desk:
        note(f"the offers desk is {where}/desk")
    serve(APP, settings, taken, options.workers)
    note("ended; all that was begun is done")


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        hint = "run pip install 'graphrec[serve]'"
        raise InputError(f"needs {', '.join(missing)}", hint=hint)


def _make_key(options: argparse.Namespace) -> None:
    """Print a new key."""
    from graphrec.serving.service.http.keys import ROLES, add_key

    if options.keys is None:
        raise InputError("needs a file", column="--new_key", hint="give --keys FILE, which is made")
    if unknown := [role for role in options.roles or () if role not in ROLES]:
        hint = f"known are {', '.join(ROLES)}"
        raise InputError(f"there is no role {unknown[0]!r}", column="--roles", hint=hint)
    if not options.roles:
        hint = f"give some of {', '.join(ROLES)}"
        raise InputError("needs what the key may ask", column="--roles", hint=hint)
    key = add_key(options.keys, options.new_key, dict.fromkeys(options.roles))
    note(f"the key of {options.new_key!r}; it is shown once, {options.keys} keeps its digest alone")
    print(key)
