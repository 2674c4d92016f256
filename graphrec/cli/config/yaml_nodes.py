"""What a YAML file may not say, though it can be parsed: a key twice, or a part inside itself."""

from __future__ import annotations

from pathlib import Path

import yaml

from graphrec.errors import InputError

_MOST = 1_000_000


def check_nodes(root: yaml.Node | None, file: Path) -> None:
    """Refuse what would be lost without a word, or never ends.

    Args:
        root: The parsed file.
        file: Where it is from.

    Raises:
        InputError: With the row.
    """
    if root is not None and _size(root, file, {}) > _MOST:
        raise InputError("its aliases stand for too much", file=file, hint="write its parts out once")


def _size(node: yaml.Node, file: Path, known: dict[int, int | None]) -> int:
    """Count the values below a node, those of aliases each time they stand there."""
    if id(node) in known:
        size = known[id(node)]
        if size is None:
            row = node.start_mark.line + 1
            raise InputError("this part holds itself", file=file, row=row, hint="write its parts out once")
        return size
    known[id(node)] = None
    below: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        _check_keys(node, file)
        below = [value for _, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        below = list(node.value)
    known[id(node)] = size = 1 + sum(_size(one, file, known) for one in below)
    return size


def _check_keys(node: yaml.MappingNode, file: Path) -> None:
    """Refuse a key that stands twice in one mapping, of which the last would win."""
    rows: dict[str, int] = {}
    for key, _ in node.value:
        row, name = key.start_mark.line + 1, key.value
        if not isinstance(name, str) or name == "<<":
            continue
        if name in rows:
            what = f"this key stands twice, in row {rows[name]} already"
            raise InputError(what, file=file, row=row, column=name, hint="leave one of them out")
        rows[name] = row
