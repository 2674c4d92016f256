"""What a docstring says of a class or function and of each of its arguments, for help and reference."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import docstring_parser  # jsonargparse reads docstrings with it, too


def about(made: Callable[..., Any]) -> str:
    """Take a docstring up to its arguments."""
    text = inspect.getdoc(made) or ""
    return re.split(r"\n(?:Args|Attributes|Returns|Raises):", text)[0].strip()


def arguments(made: Callable[..., Any]) -> dict[str, str]:
    """Describe each argument in one paragraph of Markdown, those that a class inherits, too."""
    found: dict[str, str] = {}
    for one in reversed(inspect.getmro(made) if inspect.isclass(made) else [made]):
        text = inspect.cleandoc(one.__doc__ or "")  # its own: `inspect.getdoc` would give an inherited one
        parsed = docstring_parser.parse(text, style=docstring_parser.DocstringStyle.GOOGLE)
        found |= {name: plain(p.description or "") for p in parsed.params for name in p.arg_name.split(", ")}
    return found


def plain(text: str) -> str:
    """Write Sphinx's marks as Markdown, in one paragraph."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split()))
    return text.replace("``", "`")
