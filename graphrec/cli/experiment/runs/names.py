"""Names of runs and of their folders: none leads out of the folder above all runs."""

from __future__ import annotations

from pathlib import Path

from graphrec.errors import InputError

LONGEST = 200
"""Bytes of a part of a name; file systems take 255, and W&B adds to it."""
TAKEN = ("refit", "checkpoints", "updates")
"""Folders inside a run, which no run can be called."""


def check_run_names(root: str, name: str, own: str | None) -> None:
    """Raise `InputError` unless a run's folder is below the root, whatever links there are.

    Args:
        root: Folder above all runs.
        name: ``run.name``; may have several parts.
        own: ``run.id``; None where the time becomes the id.
    """
    for key, text in (("run.name", name), ("run.id", own)):
        what = None if text is None else _fault(text)
        if what is None and key == "run.id" and text is not None:
            what = _fault_of_id(text)
        if what is not None:
            raise InputError(
                f"{text!r} {what}", column=key, hint="choose a plain name, such as shop-lightgcn"
            )
    if Path(root).parts[:1] == ("~",):
        hint = "write the path of your home folder out"
        raise InputError(f"{root!r} would be a folder called ~", column="run.root", hint=hint)
    below, above = Path(root, name, own or ""), Path(root).resolve()
    if not below.resolve().is_relative_to(above):
        raise InputError(
            f"leads out of {root} by a link", file=below, column="run.name", hint="choose another"
        )


def check_links(folder: Path, *, fit: bool) -> None:
    """Raise `InputError` if something that is written to in a run's folder is a link out of it.

    Args:
        folder: Of the run.
        fit: Whether its checkpoints and numbers are written, too, and not only those of W&B.
    """
    inside = folder.resolve()
    places = [folder, folder / "checkpoints", folder / "wandb"] if fit else []
    found = [one for place in places if place.is_dir() for one in place.iterdir()]
    if fit and folder.is_symlink():
        inside, found = folder.parent.resolve(), [folder, *found]
    for one in [*found, folder / "wandb"]:
        if one.is_symlink() and not one.resolve().is_relative_to(inside):
            what = f"this is a link out of the run's folder, to {one.readlink()}"
            raise InputError(what, file=one, hint="delete the link, or choose another --run.id")


def _fault(text: str) -> str | None:
    parts = Path(text).parts
    if not text.strip() or not parts:
        return "is no name"
    if not text.isprintable():
        return "has characters that no name of a folder should have"
    if Path(text).is_absolute() or ".." in parts:
        return "leads out of the folder of the runs"
    if max(len(part.encode("utf-8", "replace")) for part in parts) > LONGEST:
        return "is too long"
    return None


def _fault_of_id(text: str) -> str | None:
    if len(Path(text).parts) > 1:
        return "has several parts"
    return f"is what a folder inside a run is called ({', '.join(TAKEN)})" if text in TAKEN else None
