from __future__ import annotations

from pathlib import Path

import pytest

from loopwright.adapters.vcs.part_files import part_digest
from loopwright.errors import SettingError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("prompts/a.md", "prompts/deep/b.md", "prompts/.hidden", "prompts/__pycache__/c.pyc", "src/agent.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def digest(folder: Path, patterns: str) -> str:
    return part_digest(folder, patterns, "fingerprint.prompt")


def test_a_folder_a_pattern_and_the_files_are_one(folder: Path) -> None:
    whole = digest(folder, "prompts/**")
    assert whole == digest(folder, "prompts") == digest(folder, "prompts/a.md, prompts/deep/*.md") != ""


@pytest.mark.parametrize("name", ["prompts/a.md", "prompts/deep/b.md", "prompts/new.md"])
def test_a_file_that_changes_or_comes_changes_it(folder: Path, name: str) -> None:
    before = digest(folder, "prompts/**")
    (folder / name).write_text("other")
    assert digest(folder, "prompts/**") != before


def test_a_file_that_moves_changes_it(folder: Path) -> None:
    before = digest(folder, "prompts/**")
    (folder / "prompts" / "a.md").rename(folder / "prompts" / "z.md")
    assert digest(folder, "prompts/**") != before


@pytest.mark.parametrize("name", ["prompts/.hidden", "prompts/__pycache__/c.pyc", "src/agent.py"])
def test_what_does_not_count_does_not_change_it(folder: Path, name: str) -> None:
    before = digest(folder, "prompts/**")
    (folder / name).write_text("other")
    assert digest(folder, "prompts/**") == before


@pytest.mark.parametrize("patterns", ["", " , ", "absent/**", "prompts/none.md"])
def test_nothing_is_empty(folder: Path, patterns: str) -> None:
    assert digest(folder, patterns) == ""


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../**"])
def test_a_pattern_that_leads_astray_is_refused(folder: Path, pattern: str) -> None:
    with pytest.raises(SettingError, match=r"fingerprint\.prompt names"):
        digest(folder, pattern)
