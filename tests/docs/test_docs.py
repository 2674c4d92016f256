"""README and docs: short sentences, files, links and commands that are there, no time without a command."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest
from pages import LINK, PAGES, ROOT, blocks, shown, spans

from graphrec.cli.main import LIGHTNING, parser

MOST_WORDS = 40
TIME = re.compile(r"(?<![\w.])\.?\d+(?:[.,]\d+)*(?: (?:to|and) [\d.,]+)? ?(?:ms|s|seconds|minutes|hours)\b")
COMMAND = re.compile(r"`(?:graphrec|make|python) |\w\.py`|`\w+\.py |`GOMP_SPINCOUNT|[Bb]y hand\b")
PLACEHOLDER = re.compile(r"<|[A-Z]{4,}\.|[A-Z]{4,}$")
TOP = ("graphrec/", "experiments/", "docs/", "tests/", "notebooks/")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@each_page
def test_no_sentence_is_long(page):
    long = [s for block in blocks(page) for s in block.sentences() if len(s.split()) > MOST_WORDS]
    assert long == []


def test_sentences_of_the_guides_are_short_on_the_whole():
    """What a newcomer reads; lab notes are for those who want every figure."""
    guides = [page for page in PAGES if page.name != "CHANGELOG.md" and "lab-notes" not in page.parts]
    lengths = [len(s.split()) for page in guides for block in blocks(page) for s in block.sentences()]
    assert sum(length > 25 for length in lengths) < 0.03 * len(lengths)


def test_the_first_pages_stay_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
    assert len((ROOT / "experiments" / "README.md").read_text(encoding="utf-8").splitlines()) <= 60


@each_page
def test_every_link_leads_somewhere(page):
    for _, _, target in (link for block in blocks(page) for link in LINK.findall(block.text)):
        path, _, anchor = target.partition("#")
        if (
            path.startswith(("http://", "https://")) or "reference/" in path
        ):  # made and checked by docs/build.py
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)} links to {target}"
        if anchor:
            headings = [b.text.lstrip("# ").lower() for b in blocks(file) if b.kind == "heading"]
            assert anchor in [re.sub(r"[^\w]+", "-", heading).strip("-") for heading in headings], target


@each_page
def test_every_file_that_is_named_is_there(page):
    if page.name == "CHANGELOG.md":  # it names what was
        return
    for span in spans(page):
        for path in (word for word in span.split() if word.startswith(TOP) and not PLACEHOLDER.search(word)):
            found = path if "*" not in path else next(iter(ROOT.glob(path)), "")
            assert found, f"{name(page)} names {path}"
            assert (ROOT / found).exists(), f"{name(page)} names {path}"
        for dotted in re.findall(r"^graphrec(?:\.\w+)+$", span):
            assert is_there(dotted), f"{name(page)} names {dotted}"


def is_there(dotted: str) -> bool:
    """Whether a module, or a name in one, is written somewhere in the package."""
    parts = dotted.split(".")
    for size in (len(parts), len(parts) - 1):
        place = ROOT.joinpath(*parts[:size])
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if file.is_file():
            return (
                size == len(parts)
                or re.search(rf"\b{parts[-1]}\b", file.read_text(encoding="utf-8")) is not None
            )
    return False


def untold(page: Path) -> list[str]:
    """Blocks with a time, where neither two blocks around nor the section's first two name a command."""
    found, all_blocks, section = [], blocks(page), 0
    for place, block in enumerate(all_blocks):
        section = place if block.kind == "heading" else section
        near = (*all_blocks[max(place - 2, 0) : place + 3], *all_blocks[section : section + 3])
        told = any(
            COMMAND.search(one.text) or (one.kind == "fence" and "graphrec " in one.text) for one in near
        )
        if block.kind != "fence" and TIME.search(block.text) and not told:
            found.append(block.text)
    return found


@each_page
def test_no_time_stands_without_its_command(page):
    assert untold(page) == []


def test_the_check_of_times_sees_one(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("A step takes 8.7 ms.\n\nNothing.\n\nNothing.\n\n`make bench` tells it.\n")
    assert untold(page) == ["A step takes 8.7 ms."]


def subparsers() -> dict[str, argparse.ArgumentParser]:
    (found,) = (one for one in parser()._actions if isinstance(one, argparse._SubParsersAction))
    return found.choices


@each_page
def test_every_command_that_is_shown_is_read(page):
    """Those of Lightning are read in test_snippets.py."""
    for args in shown(page):
        if args[0] not in LIGHTNING:
            assert parser().parse_args(args).command == args[0]


@each_page
def test_commands_within_a_sentence_have_their_options(page):
    known = subparsers()
    for span in spans(page):
        words = span.split()
        if words[0] == "graphrec" and len(words) > 1 and words[1].islower():
            assert words[1] in known, f"{name(page)}: {span}"
            if words[1] not in LIGHTNING:
                options = {word for word in words if word.startswith("--")} - {"--help"}
                assert options <= set(known[words[1]]._option_string_actions), f"{name(page)}: {span}"
        if words[0] == "make" and len(words) > 1:
            assert re.search(
                rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
            ), span
        if words[0] == "python" and len(words) > 1 and words[1].startswith(TOP):
            assert (ROOT / words[1]).is_file(), span


def test_every_page_stands_in_the_navigation():
    text = (ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8")
    pages = {str(page.relative_to(ROOT / "docs")) for page in PAGES if "docs" in page.relative_to(ROOT).parts}
    assert set(re.findall(r'"([\w/-]+\.md)"', text)) == pages
