"""The docs are a test target: what the code offers has a heading, links lead somewhere, and the two commands are real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from loopwright import errors
from loopwright.settings import SETTINGS
from loopwright.surfaces.cli.main import VERBS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def headings(page: str) -> list[str]:
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    return [line.lstrip("#").strip(" `") for line in text.splitlines() if line.startswith("#")]


def test_every_setting_has_a_heading() -> None:
    assert {row.name for row in SETTINGS} <= set(headings("settings.md"))


def test_every_command_has_a_heading() -> None:
    assert {f"loopwright {verb}" for verb in VERBS} <= set(headings("commands.md"))


def test_every_error_has_a_heading() -> None:
    named = {n for n, e in vars(errors).items() if isinstance(e, type) and issubclass(e, Exception)}
    assert named <= set(headings("errors.md"))


def test_the_generated_pages_are_those_of_the_code() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "#", "mailto:")):
            assert (page.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_in_the_docs_exist(page: Path) -> None:
    blocks = re.findall(r"```(?:sh|bash|shell|console|text|yaml)?\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    called = {
        m for block in blocks for m in re.findall(r"^\s*(?:\$ |- run: |run: )?loopwright ([a-z]+)", block, flags=re.MULTILINE)
    }
    assert called <= set(VERBS)


def test_the_decisions_are_numbered_without_gaps_and_titled() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(p.name[:4]) for p in pages] == list(range(1, len(pages) + 1))
    assert all(p.read_text(encoding="utf-8").startswith(f"# {p.name[:4]}") for p in pages)


def test_the_two_commands_of_the_readme_are_scripts_of_ours() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(scripts/\w+|\./scripts/\w+)", readme, flags=re.MULTILINE)
    assert [c.removeprefix("./") for c in commands[:2]] == ["scripts/demo", "scripts/test"]
    for name in ("demo", "test", "check", "bench", "docs"):
        assert (ROOT / "scripts" / name).stat().st_mode & 0o111
    assert "exec scripts/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
