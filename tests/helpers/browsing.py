"""A real browser on a page: what it shows after its scripts ran, and what its console says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")


def browse(page: Path, profile: Path, *more: str) -> tuple[str, list[str]]:
    """The page's elements after its scripts ran, and what the browser's console says."""
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    switches += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command = [str(CHROMIUM), *switches, *more, f"--user-data-dir={profile}"]
    command += ["--enable-logging=stderr", "--v=0", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


FRAME = """<!doctype html><title>no answer</title>
<style>html, body {{ margin: 0; scrollbar-width: none }}</style>
<script>addEventListener("message", (told) => {{ document.title = told.data; }});</script>
<iframe src="{page}" style="border: 0; width: {width}px; height: 900px"></iframe>
"""
"""A window is never narrower than 500 pixels; a frame is, and has a viewport of its own."""


def asked(page: Path, folder: Path, script: str, *, width: int = 1280, dark: bool = False) -> Any:
    """What a script in the page answers, at a width and in a colour scheme; the console must stay silent."""
    answer = f"<script>parent.postMessage(JSON.stringify((() => {{{script}}})()), '*')</script>"
    probed = folder / "probed.html"
    probed.write_text(
        page.read_text(encoding="utf-8").replace("</body>", f"{answer}</body>"), encoding="utf-8"
    )
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(page=probed.name, width=width), encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1},hideScrollbars=true"
    switches = ["--window-size=1400,1000", "--hide-scrollbars", "--virtual-time-budget=3000", scheme]
    elements, console = browse(frame, folder / "profile", *switches)
    assert console == []
    (found,) = re.findall(r"<title>([^<]*)</title>", elements)
    return json.loads(unescape(found))
