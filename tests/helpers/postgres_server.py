"""A PostgreSQL server of a test's own, in its folder, which takes a password."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "geheim-4711"


@dataclass(frozen=True)
class Server:
    """Where it is."""

    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"postgresql://shop@127.0.0.1:{self.port}/postgres"


def _program(name: str) -> str:
    places = [*sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True), "/usr/local/bin"]
    found = shutil.which(name) or next((f"{one}/{name}" for one in places if Path(one, name).is_file()), None)
    if found is None:
        pytest.skip(f"PostgreSQL is not installed: there is no {name}")
    return found


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start a server and stop it; skip with the reason where there is none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'graphrec[postgres]'")
    programs = {name: _program(name) for name in ("initdb", "postgres")}
    user: dict[str, int | None] = {}
    if os.getuid() == 0:  # it refuses to run as root
        import pwd

        try:
            nobody = pwd.getpwnam("nobody")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
        for above in (folder, *folder.parents):
            if above.stat().st_uid == 0 and above.name and str(above).startswith("/tmp/"):
                above.chmod(above.stat().st_mode | 0o711)
        folder.chmod(0o777)
    (folder / "password").write_text(PASSWORD)
    data = folder / "data"
    options = ["-D", data, "-U", "shop", "-A", "scram-sha-256", "-N", "-E", "UTF8", "--locale=C"]
    options.append(f"--pwfile={folder / 'password'}")
    made = subprocess.run(
        [programs["initdb"], *options],
        capture_output=True,
        text=True,
        **user,
    )
    if made.returncode:
        pytest.skip(f"initdb does not work here: {made.stderr.strip().splitlines()[-1]}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("w") as said:
        options = ["-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]
        server = subprocess.Popen([programs["postgres"], *options], stderr=said, stdout=said, **user)
        try:
            _wait(port, server, log)
            yield Server(port, log)
        finally:
            server.terminate()
            server.wait(30)


def _wait(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    import time

    import psycopg

    for _ in range(100):
        if server.poll() is not None:
            pytest.skip(f"postgres does not start here: {log.read_text().strip().splitlines()[-1:]}")
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user="shop", dbname="postgres", password=PASSWORD
            ).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())
