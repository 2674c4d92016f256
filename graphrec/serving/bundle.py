"""Named parts in one zip file or one folder: versioned, each with its SHA-256, written whole or not at all.

Nothing in it is code. The parts are JSON, Parquet and safetensors, which hold data alone; a pickle could run
whatever it names.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from graphrec.errors import InputError
from graphrec.files import PART, cannot_be_written, check_regular, write_atomically

FORMAT = 1
"""Number of the format; a reader refuses a larger one."""
KIND = "graphrec model"
MANIFEST = "manifest.json"
SUFFIX = ".zip"
_MEND = "copy it again from where it was made, or run `graphrec export` again"
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)
"""What a damaged zip file raises."""
_MOST_OF_MANIFEST = 1 << 20


class Bundle(NamedTuple):
    """What was read: the manifest, and the content of each part by its name."""

    manifest: dict[str, Any]
    parts: dict[str, bytes]


def is_bundle(path: str | Path) -> bool:
    """Tell whether a file or folder has a manifest, whatever else is wrong with it."""
    place = Path(path)
    if place.is_dir():
        return (place / MANIFEST).is_file()
    try:
        with zipfile.ZipFile(place) as packed:
            return MANIFEST in packed.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def looks_so(path: str | Path) -> bool:
    """Tell whether a path is meant as one: it has a manifest, or is a zip file, perhaps cut short."""
    return is_bundle(path) or (Path(path).suffix.lower() == SUFFIX and Path(path).is_file())


def write_bundle(path: str | Path, about: Mapping[str, Any], parts: Mapping[str, bytes]) -> Path:
    """Write a zip file if the name ends so, else a folder.

    The same parts give the same bytes: a zip file of them holds no times.

    Args:
        path: A file, which is replaced, or a folder that is not there yet.
        about: What it is of, for whoever looks into the manifest.
        parts: Name → content.

    Raises:
        InputError: If it cannot be written, or the folder is there.
    """
    files = {name: {"bytes": len(part), "sha256": _sha256(part)} for name, part in sorted(parts.items())}
    manifest = {"kind": KIND, "format": FORMAT, **about, "files": files}
    manifest["sha256"] = fingerprint(manifest)
    text = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    whole = {MANIFEST: text, **parts}
    if Path(path).suffix.lower() == SUFFIX:
        return write_atomically(path, lambda temporary: _write_zip(temporary, whole))
    return _write_folder(Path(path), whole)


def check_place(path: str | Path, option: str = "--out") -> None:
    """Raise `InputError` for a place where `write_bundle` could not write, before anything is packed."""
    place = Path(path)
    if place.suffix.lower() == SUFFIX:
        check_regular(place, option)
    elif place.is_symlink() or place.exists():
        what = "this is there already" if place.is_dir() else "this is a file and no folder"
        hint = f"name a new folder, or a file that ends in {SUFFIX}, which is replaced"
        raise InputError(what, file=place, column=option, hint=hint)


def read_bundle(
    path: str | Path, names: Iterable[str] | None = None
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read the manifest and the parts that it names, each checked against its SHA-256.

    Args:
        path: The zip file or folder.
        names: Read only those of these that there are; all if missing.

    Raises:
        InputError: If it is none, is of a later format, or a byte of it is not what was written.
    """
    place = Path(path)
    if not place.exists():
        raise InputError("there is no such file or folder", file=place, hint="check the path")
    if place.is_dir():
        return _read(place, lambda name: (place / name).read_bytes(), names)
    try:
        with zipfile.ZipFile(place) as packed:
            return _read(place, lambda name: _member(packed, name), names)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _damaged(place, "it is no whole zip file") from error


def _read(place: Path, read: Callable[[str], bytes], names: Iterable[str] | None) -> Bundle:
    try:
        text = read(MANIFEST)
    except (KeyError, FileNotFoundError) as error:
        raise _foreign(place) from error
    except UNREADABLE as error:
        raise _damaged(place, f"{MANIFEST} cannot be read") from error
    manifest = _manifest(place, text)
    files = manifest["files"]
    wanted = files if names is None else [name for name in names if name in files]
    parts = {}
    for name in wanted:
        content = _bytes(place, name, read)
        if len(content) != files[name]["bytes"] or _sha256(content) != files[name]["sha256"]:
            raise _damaged(place, f"{name} is not what was written (its SHA-256 differs)")
        parts[name] = content
    return Bundle(manifest, parts)


def _bytes(place: Path, name: str, read: Callable[[str], bytes]) -> bytes:
    try:
        content = read(name)
    except (KeyError, *UNREADABLE) as error:
        there = isinstance(error, KeyError | FileNotFoundError)
        raise _damaged(place, f"{name} is missing" if there else f"{name} cannot be read") from error
    return content


def _member(packed: zipfile.ZipFile, name: str) -> bytes:
    """Read a file of a zip; the manifest, which nobody has vouched for yet, only up to a bound."""
    with packed.open(name) as content:
        return content.read(_MOST_OF_MANIFEST) if name == MANIFEST else content.read()


def _manifest(place: Path, text: bytes) -> dict[str, Any]:
    """Read the manifest.

    Raises:
        InputError: If it is damaged, of something else, or of a later format.
    """
    try:
        manifest = json.loads(text)
        kind, number, stamp = manifest["kind"], manifest["format"], manifest.pop("sha256")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(place, f"its {MANIFEST} cannot be read") from error
    if kind == KIND and type(number) is int and number > FORMAT:
        hint = "install a newer graphrec, or export the run again with this one"
        raise InputError(
            f"is of format {number}, and this graphrec reads up to {FORMAT}", file=place, hint=hint
        )
    if stamp != fingerprint(manifest):
        raise _damaged(place, f"its {MANIFEST} is not what was written (its SHA-256 differs)")
    if kind != KIND or any(Path(name).name != name for name in manifest["files"]):
        raise _foreign(place)
    return dict(manifest)


def _foreign(place: Path) -> InputError:
    return InputError("is no model of `graphrec export`", file=place, hint="give what that command wrote")


def _damaged(place: Path, how: str) -> InputError:
    return InputError(f"is damaged: {how}", file=place, hint=_MEND)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fingerprint(manifest: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a manifest, and with it of every part that it names."""
    return _sha256(json.dumps(manifest, sort_keys=True).encode())


def _write_zip(file: Path, parts: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:  # the parts are packed themselves
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, content)


def _write_folder(target: Path, parts: Mapping[str, bytes]) -> Path:
    """Fill a folder beside the target and rename it."""
    check_place(target)
    beside = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}{PART}")
    try:
        beside.mkdir(parents=True)
        for name, content in parts.items():
            with (beside / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        beside.rename(target)
    except OSError as error:
        raise cannot_be_written(target, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target
