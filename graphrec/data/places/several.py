"""Several files that are one table, as a list of paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graphrec.errors import InputError


class FileList(str):
    """A list of files in the place of a path; as text it names the first and counts the rest.

    Each entry is what one path may be: a file, a folder of parts or a pattern.
    """

    paths: tuple[Path, ...]

    @classmethod
    def of(cls, given: Sequence[object]) -> FileList:
        """Take a list.

        Raises:
            InputError: If it is empty, or holds something that is no path.
        """
        if not given:
            raise InputError("the list of files is empty", column="path", hint="name one file or more")
        for one in given:
            if not isinstance(one, str | Path) or not str(one):
                hint = "name files, as [2023.csv, 2024.csv]"
                raise InputError(f"{one!r} is no path of a file", column="path", hint=hint)
            if "://" in str(one):
                hint = "name it alone; a query may join several: ?query=select ... union all select ..."
                raise InputError("a list holds files, and this is a database", column="path", hint=hint)
        more = f" and {len(given) - 1} more" if len(given) > 1 else ""
        files = cls(f"{given[0]}{more}")
        files.paths = tuple(Path(str(one)) for one in given)
        return files
