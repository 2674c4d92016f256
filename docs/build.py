"""Build the site of the documentation into build/docs/site.

python docs/build.py

Copies the pages of docs/, writes the reference beside them (a page per command, YAML key and module, all from
parsers, signatures and docstrings), runs `zensical build --strict`, and checks every link of what came out.
Nothing is loaded from a network, neither here nor by the site.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from keys import key_page, part_page, parts, shipped

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PICTURE = re.compile(r"\]\((?:\.\./)+experiments/([\w/.-]+\.png)\)")


def build(out: Path) -> int:
    """Write pages, reference and configuration, and build; returns the number of pages of the site."""
    pages = out / "pages"
    shutil.rmtree(out, ignore_errors=True)
    copy_pages(pages)
    shutil.copytree(DOCS / "overrides", out / "overrides")
    shutil.copytree(DOCS / "javascripts", pages / "javascripts")
    nav = [*commands(pages), *yaml_keys(pages), *modules(pages)]
    text = (DOCS / "zensical.toml").read_text(encoding="utf-8")
    text = text.replace('"REFERENCE"', f"[{', '.join(nav)}]").replace("PACKAGE", ROOT.as_posix())
    (out / "zensical.toml").write_text(text, encoding="utf-8")
    program = Path(sys.executable).with_name("zensical")
    done = subprocess.run([program, "build", "--strict", "-f", "zensical.toml"], cwd=out, check=False)
    if done.returncode:
        sys.exit("docs: zensical refused the pages, see above")
    broken = broken_links(out / "site")
    if broken:
        sys.exit("docs: broken links\n  " + "\n  ".join(broken))
    return len(list((out / "site").rglob("*.html")))


def copy_pages(pages: Path) -> None:
    """The pages of docs/, with the pictures that they take from experiments/."""
    for file in DOCS.rglob("*.md"):
        target = pages / file.relative_to(DOCS)
        text = file.read_text(encoding="utf-8")
        up = "../" * (len(target.relative_to(pages).parts) - 1)
        for picture in PICTURE.findall(text):
            (pages / "pictures").mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "experiments" / picture, pages / "pictures")
        text = PICTURE.sub(lambda found, up=up: f"]({up}pictures/{Path(found[1]).name})", text)
        write(target, text)


def write(file: Path, text: str) -> None:
    """Write a page, and its folder before it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def commands(pages: Path) -> Iterator[str]:
    """A page per command, from its parser."""
    from graphrec.cli.main import LIGHTNING, parser

    root = parser()
    found = next(a for a in root._actions if isinstance(a, argparse._SubParsersAction))
    rows, nav = [], ['"reference/commands/index.md"']
    helps = {action.dest: str(action.help) for action in found._choices_actions}
    for name, sub in found.choices.items():
        text = f"# graphrec {name}\n\n{helps[name]}.\n"
        if name in LIGHTNING:
            text += f"\n```\ngraphrec {name} -c experiments/complete_journey/lightgcn.yaml\n```\n"
            text += (
                f"\nIts options are the [YAML keys](../keys/index.md). `graphrec {name} --help` lists them.\n"
            )
        else:
            text += f"\n```text\n{sub.format_help()}```\n"
        write(pages / "reference" / "commands" / f"{name}.md", text)
        rows.append(f"| [`graphrec {name}`]({name}.md) | {helps[name]} |")
        nav.append(f'{{ "{name}" = "reference/commands/{name}.md" }}')
    table = "\n".join(["| command | does |", "| --- | --- |", *rows])
    write(pages / "reference" / "commands" / "index.md", f"# Commands\n\n{table}\n")
    yield f'{{ "Commands" = [{", ".join(nav)}] }}'


def yaml_keys(pages: Path) -> Iterator[str]:
    """A page per YAML key, and one per class that has some."""
    uses, groups = shipped(), dict[str, list[str]]()
    folder = pages / "reference" / "keys"
    index = ["# YAML keys", "", "What `graphrec fit -c FILE` reads, one page per key.", ""]
    for part in parts():
        if part.group not in groups:
            index += ["", f"## {part.group}", ""]
        groups.setdefault(part.group, [])
        groups[part.group].append(f'{{ "{part.name}" = "reference/keys/{part.name}/index.md" }}')
        write(folder / part.name / "index.md", part_page(part))
        for key in part.keys:
            write(
                folder / part.name / f"{key.name}.md",
                key_page(part, key, uses.get((part.name, key.name), [])),
            )
        names = ", ".join(f"[`{key.name}`]({part.name}/{key.name}.md)" for key in part.keys)
        index.append(f"- [{part.name}]({part.name}/index.md): {names or 'no keys'}")
    write(folder / "index.md", "\n".join([*index, ""]))
    inside = ", ".join(f'{{ "{name}" = [{", ".join(found)}] }}' for name, found in groups.items())
    yield f'{{ "YAML keys" = ["reference/keys/index.md", {inside}] }}'


def modules(pages: Path) -> Iterator[str]:
    """A page per module, filled from its docstrings; the command line is described by its commands."""
    package, folders = ROOT / "graphrec", dict[str, list[str]]()
    rows = ["# Python", "", "Every module, from its docstrings.", ""]
    for file in sorted(package.rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        if file.name.startswith("__") or name.startswith("graphrec.cli."):
            continue
        write(pages / "reference" / "python" / f"{name}.md", f"# {name}\n\n::: {name}\n")
        department = name.split(".")[1] if name.count(".") > 1 else "graphrec"
        short = name.removeprefix("graphrec.").removeprefix(f"{department}.")
        folders.setdefault(department, []).append(f'{{ "{short}" = "reference/python/{name}.md" }}')
        rows.append(f"- [{name}]({name}.md)")
    write(pages / "reference" / "python" / "index.md", "\n".join([*rows, ""]))
    inside = ", ".join(f'{{ "{name}" = [{", ".join(found)}] }}' for name, found in folders.items())
    yield f'{{ "Python" = ["reference/python/index.md", {inside}] }}'


class _Links(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down one element."""
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.targets += [given[name] or "" for name in ("href", "src") if name in given and tag != "svg"]


def broken_links(site: Path) -> list[str]:
    """Links of a built site that lead nowhere, and what it would load from elsewhere."""
    read: dict[Path, _Links] = {}
    for file in site.rglob("*.html"):
        read[file.resolve()] = _Links()
        read[file.resolve()].feed(file.read_text(encoding="utf-8"))
    broken = []
    for file, links in read.items():
        for target in links.targets:
            if re.match(r"[a-z]+:|//", target) or file.name == "404.html":
                continue
            path, _, anchor = unquote(target).partition("#")
            found = (file.parent / path.partition("?")[0]).resolve() if path else file
            known = read[found].ids if found in read else {anchor}
            if not found.exists() or (anchor and anchor not in known):
                broken.append(f"{file.relative_to(site.resolve())}: {target}")
    return sorted(broken)


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--out", type=Path, default=ROOT / "build" / "docs", help="folder, made anew")
    given = options.parse_args().out.resolve()
    print(f"{build(given)} pages: {given / 'site' / 'index.html'}")
