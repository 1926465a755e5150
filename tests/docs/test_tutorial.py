"""The tutorial is run: each shell command of it, in order, in a scratch folder, and what it quotes is what comes out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parents[2] / "docs/tutorial"
PAGES = sorted(page.stem for page in FOLDER.glob("*.md"))
BLOCK = re.compile(r"(?:<!-- (?P<note>[^>]*) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)


class Block(NamedTuple):
    note: str
    kind: str
    text: str


def blocks(page: str = "first-run") -> list[Block]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return [Block(m["note"] or "", m["kind"], m["text"]) for m in BLOCK.finditer(text)]


def loosely(text: str) -> str:
    """Without what differs from run to run: digests and ids, dates and times, and the width of columns. Counts count."""
    varying = r"\b\d{4}-\d\d-\d\d\b|\b\d+:\d\d(:\d\d)?\b|\b\d{8}T\d+\b|\b[0-9a-f]{7,}\b"
    return " ".join(re.sub(varying, "#", text).split())


def test_counts_count_and_ids_do_not() -> None:
    assert loosely("recurred 4 times") != loosely("recurred 3 times")
    assert loosely("run-0123456789abcdef-20260302T101112000000  at 10:11:12") == loosely(
        "run-a123456789abcdef-20270302T101112000001 at 11:11:12"
    )


@pytest.mark.parametrize("page", PAGES)
def test_the_tutorial_does_what_it_says(page: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    identity = {f"GIT_{who}_{what}": "you@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environ = {**os.environ, **identity, "PATH": path, "HOME": str(tmp_path), "COLUMNS": "200"}
    folder, said = tmp_path, ""
    for block in blocks(page):
        if block.kind == "sh" and not block.note.startswith("not run"):
            done = subprocess.run(
                ["bash", "-e", "-c", f"trap 'pwd > {tmp_path}/folder' EXIT\n{block.text}"],
                cwd=folder, env=environ, capture_output=True, text=True, check=False,
            )  # fmt: skip
            said = done.stdout + done.stderr
            assert done.returncode == int(block.note.removeprefix("exit ") or 0), f"{block.text}\n{said}"
            folder = Path((tmp_path / "folder").read_text().strip())
        elif block.kind == "text":
            for line in block.text.splitlines():
                assert loosely(line) in loosely(said), f"{line}\n\nis not in\n\n{said}"
    assert (folder / "loopwright-report.html").stat().st_size > 10_000


@pytest.mark.parametrize("page", PAGES)
def test_only_the_installation_is_not_run(page: str) -> None:
    skipped = [block.text for block in blocks(page) if block.note.startswith("not run")]
    assert len(skipped) == 1
    assert re.search(r"pip install '?\.", skipped[0])


def test_the_case_that_is_shown_is_the_one_that_is_scaffolded() -> None:
    from loopwright.evaluate.suite import parse

    shown = next(parse(block.text, "tutorial")[0] for block in blocks() if block.kind == "yaml")
    scaffold = Path(__file__).parents[2] / "src/loopwright/surfaces/cli/scaffold/cases.yaml"
    scaffolded = {case.id: case for case in parse(scaffold.read_text(encoding="utf-8"), "cases.yaml")}
    assert shown.content_digest == scaffolded[shown.id].content_digest
