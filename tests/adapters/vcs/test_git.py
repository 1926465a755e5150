"""Against real repositories, with git's own settings kept out."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopwright.adapters.vcs.git import Git

COMMIT = re.compile("[0-9a-f]{40}")


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp()))
    for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_DIR", "GIT_WORK_TREE", "GIT_AUTHOR_NAME"):
        monkeypatch.delenv(name, raising=False)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "user.name", "Ann É. Example")
    git(tmp_path, "config", "user.email", "ann@example.org")
    (tmp_path / "agent.py").write_text("one\n")
    git(tmp_path, "add", "agent.py")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_the_name_and_the_commit(repository: Path) -> None:
    assert Git(repository).user_name() == "Ann É. Example"
    assert Git(repository).head() == git(repository, "rev-parse", "HEAD")
    (repository / "sub").mkdir()
    assert Git(repository / "sub").head() == git(repository, "rev-parse", "HEAD")


def test_a_changed_file_makes_it_dirty_and_an_untracked_one_does_not(repository: Path) -> None:
    (repository / "notes.txt").touch()
    assert COMMIT.fullmatch(Git(repository).head() or "")
    (repository / "agent.py").write_text("two\n")
    assert (Git(repository).head() or "").endswith("-dirty")
    git(repository, "add", "agent.py")
    assert (Git(repository).head() or "").endswith("-dirty")


def test_outside_a_repository_nothing_is_said(tmp_path: Path) -> None:
    assert Git(tmp_path).head() is None
    assert Git(tmp_path).user_name() is None
    assert Git(tmp_path / "absent").head() is None


def test_a_repository_without_commits_has_no_head(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert Git(tmp_path).head() is None


def test_a_machine_without_git_says_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: object) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert Git(repository).head() is None
    assert Git(repository).user_name() is None


def test_a_git_that_does_not_answer_is_not_waited_for(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = repository / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent))
    started = time.monotonic()
    assert Git(repository, timeout_s=0.2).user_name() is None
    assert time.monotonic() - started < 30


def test_the_folder_is_never_a_command(tmp_path: Path) -> None:
    folder = tmp_path / "$(touch hacked); --exec=x"
    folder.mkdir()
    assert Git(folder).head() is None
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]


def test_it_says_why_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Git(tmp_path).why_no_head() == "not in a git repository"
    git(tmp_path, "init", "--quiet")
    assert Git(tmp_path).head() is None
    assert Git(tmp_path).why_no_head() == "a git repository without a commit yet"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Git(tmp_path).why_no_head() == "git is not installed"


def test_the_tag_of_a_clean_commit(repository: Path) -> None:
    assert Git(repository).tag() is None
    git(repository, "tag", "v1.9.0")
    git(repository, "tag", "v1.10.0")
    assert Git(repository).tag() == "v1.10.0"
    (repository / "agent.py").write_text("two\n")
    assert Git(repository).tag() is None


def test_a_name_stands_for_a_commit(repository: Path) -> None:
    git(repository, "tag", "v1")
    assert Git(repository).commit("v1") == git(repository, "rev-parse", "HEAD")
    assert Git(repository).commit("v2") is None
    assert Git(repository).commit("--all") is None


def test_what_differs_from_a_commit(repository: Path) -> None:
    head = Git(repository).head() or ""
    assert Git(repository).changed_since(head) == frozenset()
    (repository / "prompts").mkdir()
    (repository / "prompts" / "neuer Satz é.md").write_text("new")
    (repository / "agent.py").unlink()
    assert Git(repository).changed_since(head) == {"agent.py", "prompts/neuer Satz é.md"}
    assert Git(repository).changed_since(head, ["prompts/**"]) == {"prompts/neuer Satz é.md"}
    assert Git(repository / "prompts").changed_since(head, ["*.md"]) == {"prompts/neuer Satz é.md"}
    assert Git(repository / "prompts").changed_since(head) == {"agent.py", "prompts/neuer Satz é.md"}
    assert Git(repository).changed_since("0" * 40) is None
