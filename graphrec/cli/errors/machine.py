"""What the machine refuses, as the user's mistake: files, disks, memory, the network."""

from __future__ import annotations

import errno
import re

from graphrec.errors import InputError

_MENDS = {
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some space, or write to another disk",
    errno.EFBIG: "write to another disk",
    errno.EACCES: "change its permissions, or choose another place",
    errno.EPERM: "change its permissions, or choose another place",
    errno.EROFS: "choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "name what exists; it may have been moved or deleted meanwhile",
    errno.ENOTDIR: "name a folder",
    errno.EISDIR: "name a file",
    errno.EEXIST: "choose another name",
    errno.ENOTEMPTY: "choose another name",
    errno.ELOOP: "the link leads to itself; name the file it should lead to",
    errno.EINVAL: "choose another name or place",
    errno.EIO: "the disk fails; choose another one",
    errno.EMFILE: "allow more open files with `ulimit -n`",
    errno.ENFILE: "allow more open files with `ulimit -n`",
    errno.EAGAIN: "allow more processes with `ulimit -u`, or start fewer",
    errno.ENOMEM: "end other programs, or take a machine with more memory",
    errno.ENODEV: "choose another place",
    errno.ENXIO: "choose another place",
    errno.EBUSY: "try again once it is free",
    errno.ETXTBSY: "try again once it is free",
    errno.ESTALE: "mount the disk again",
}
_SMALLER = "lower batch_size, eval_batch_size or the model's dim, or take a machine with more memory"
_MEMORY = re.compile(
    r"out of memory|(can.?t|not|unable to|failed to) (enough )?(allocate|memory)|not enough memory"
    r"|bad allocation|std::bad_alloc",
    re.IGNORECASE,
)
_SIZE = re.compile(r"(?:tried to allocate|allocate) ([\d.]+ ?(?:bytes|[KMGT]i?B)\b)", re.IGNORECASE)


def of_memory(error: BaseException) -> InputError | None:
    """Tell if there is too little memory, of the machine or of its card."""
    text = str(error)
    if not isinstance(error, MemoryError) and not (isinstance(error, RuntimeError) and _MEMORY.search(text)):
        return None
    size, card = _SIZE.search(text), "CUDA" in text or "HIP" in text
    asked = f" ({size[1]} were asked for)" if size else ""
    return InputError(f"not enough memory{' on the GPU' if card else ''}{asked}", hint=_SMALLER)


def of_files(error: BaseException) -> InputError | None:
    """Tell if a file, a folder, a disk or a connection did not do what was asked of it."""
    if not isinstance(error, OSError):
        return None
    if isinstance(error, ConnectionError | TimeoutError):
        hint = "check the network, or work without it (WANDB_MODE=offline)"
        return InputError(f"no connection: {error.strerror or error}", hint=hint)
    if error.errno not in _MENDS:
        return None
    named = error.filename2 or error.filename
    file = named.decode(errors="replace") if isinstance(named, bytes) else named
    what = (error.strerror or str(error)).rstrip(".").lower()
    place = None if file is None or isinstance(file, int) else _short(str(file))
    return InputError(what, file=place, hint=_MENDS[error.errno])


def of_text(error: BaseException) -> InputError | None:
    """Tell if text cannot be written or read in an encoding."""
    if not isinstance(error, UnicodeError):
        return None
    found = getattr(error, "object", "")
    start = getattr(error, "start", 0)
    part = ascii(found[start : start + 12]) if isinstance(found, str | bytes) else ""
    hint = "save files as UTF-8, and set PYTHONUTF8=1 where the terminal knows no Unicode"
    return InputError(f"a character is not of the encoding expected here: {part}", hint=hint)


def _short(text: str) -> str:
    """Shorten a path to fit a line."""
    return text if len(text) <= 120 else f"{text[:80]}...{text[-30:]}"
