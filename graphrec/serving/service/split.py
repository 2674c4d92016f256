"""Who is answered by which of two models: the same shopper always by the same one."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Literal

from graphrec.errors import InputError
from graphrec.files import cannot_be_written

Arm = Literal["a", "b"]
_SCALE = float(1 << 64)


class Split:
    """Deals shoppers out.

    Args:
        salt: Secret, so that nobody can choose an id for its arm, and kept, so that a restart changes none.
        share: Of the shoppers that arm b gets, in [0, 1].
    """

    def __init__(self, salt: bytes, share: float) -> None:
        self._salt, self.share = salt, share

    def arm(self, user: str | None) -> Arm:
        """Say which arm answers; who has no id belongs to a."""
        if user is None or self.share <= 0:
            return "a"
        digest = hmac.new(self._salt, user.encode(), hashlib.sha256).digest()
        return "b" if int.from_bytes(digest[:8], "big") / _SCALE < self.share else "a"


def salt_at(path: Path) -> bytes:
    """Read a salt, or make one that only its owner may read.

    Raises:
        InputError: If the file is no salt, or cannot be made or read.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    except OSError as error:
        raise cannot_be_written(path, error) from error
    try:
        salt = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        hint = "name another file with --salt; it is made if it is not there"
        raise InputError("this is no salt", file=path, column="--salt", hint=hint) from error
    if len(salt) < 16:
        raise InputError("this salt is too short", file=path, column="--salt", hint="32 hexadecimal digits")
    return salt
