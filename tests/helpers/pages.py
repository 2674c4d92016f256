"""The documentation as a test reads it: pages, blocks and sentences, commands and files that they name."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "experiments/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"^(```+)(\w*)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")


@dataclass(frozen=True)
class Block:
    """A paragraph, an item of a list, a table or fenced lines.

    Args:
        kind: ``text``, ``table``, ``heading`` or ``fence``.
        text: Its lines.
        language: Of fenced lines.
    """

    kind: str
    text: str
    language: str = ""

    def sentences(self) -> list[str]:
        """Its sentences, links as their words and code as one word each; none of a table or fenced lines."""
        if self.kind != "text":
            return []
        words = LINK.sub(lambda link: "" if link[1] else link[2], self.text)
        words = " ".join(CODE.sub("code", words).split())
        return re.split(r"(?<=[.!?])[*)]*\s+(?=[A-Z0-9*(×+−])", words)


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """The blocks of a page, in order."""
    text = re.sub(r"<!--.*?-->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found: list[Block] = []
    end = 0
    for fence in _FENCE.finditer(text):
        found += _plain(text[end : fence.start()])
        found.append(Block("fence", fence[3], fence[2]))
        end = fence.end()
    return (*found, *_plain(text[end:]))


def _plain(text: str) -> list[Block]:
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", text):
        kind, lines = "text", []
        for line in part.splitlines():
            now = "table" if line.lstrip().startswith("|") else "heading" if line.startswith("#") else "text"
            if lines and (now != kind or now == "heading" or _ITEM.match(line)):
                found.append(Block(kind, "\n".join(lines)))
                lines = []
            kind = now
            lines.append(_ITEM.sub("", line, count=1) if now == "text" else line)
        if lines:
            found.append(Block(kind, "\n".join(lines)))
    return found


def shown(page: Path) -> list[list[str]]:
    """The `graphrec` command lines of a page's fenced lines, as arguments."""
    found = []
    for block in blocks(page):
        if block.kind == "fence" and block.language == "":
            joined = re.sub(r"\s*\\\n\s*", " ", block.text)
            lines = [line.strip() for line in joined.splitlines()]
            found += [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("graphrec ")]
    return found


def spans(page: Path) -> list[str]:
    """Everything in backticks, outside fenced lines."""
    return [span for block in blocks(page) if block.kind != "fence" for span in CODE.findall(block.text)]


def file_named(page: Path, name: str) -> str:
    """The fenced lines that start with the comment ``# NAME``."""
    (text,) = [b.text for b in blocks(page) if b.kind == "fence" and b.text.startswith(f"# {name}\n")]
    return text
