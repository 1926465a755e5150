"""Against real repositories, with git's own settings kept out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loopwright import wiring
from loopwright.adapters.vcs.git import Git
from loopwright.settings import Settings

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


def test_what_is_not_committed_is_told_by_its_content(repository: Path) -> None:
    clean = git(repository, "rev-parse", "HEAD")
    seen = [Git(repository).head()]

    def changed() -> str:
        seen.append(Git(repository).head())
        return seen[-1] or ""

    (repository / "agent.py").write_text("two\n")
    assert re.fullmatch(rf"{clean}-dirty-[0-9a-f]{{12}}", changed())
    git(repository, "add", "agent.py")
    assert Git(repository).head() == seen[-1]
    (repository / "agent.py").write_text("six\n")
    changed()
    (repository / "agent.py").chmod(0o755)
    changed()
    (repository / "new é\n.txt").write_text("one")
    changed()
    (repository / "new é\n.txt").write_text("two")
    changed()
    (repository / "new é\n.txt").rename(repository / "other.txt")
    changed()
    (repository / "other.txt").unlink()
    (repository / "other.txt").symlink_to("agent.py")
    changed()
    (repository / "agent.py").unlink()
    changed()
    assert len(set(seen)) == len(seen)
    (repository / "other.txt").unlink()
    git(repository, "checkout", "HEAD", "--", "agent.py")
    assert Git(repository).head() == clean
    os.utime(repository / "agent.py", (1, 1))
    assert Git(repository).head() == clean
    (repository / "sub").mkdir()
    (repository / "new").touch()
    assert Git(repository / "sub").head() == Git(repository).head() != clean


def test_what_git_ignores_and_what_running_leaves_behind_is_no_change(repository: Path) -> None:
    clean = Git(repository).head()
    (repository / ".git" / "info" / "exclude").write_text("*.log\n")
    for name in ("x.log", "a/__pycache__/agent.cpython-311.pyc", ".loopwright/loopwright.db", "loopwright-report.html"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("new")
    assert Git(repository).head() == clean
    (repository / "kept.db").write_text("new")
    assert Git(repository).head() != clean
    assert Git(repository, leave_out=[repository / "sub" / ".." / "kept.db"]).head() == clean


def test_a_repository_within_is_told_by_its_own_content(repository: Path) -> None:
    within = repository / "within"
    within.mkdir()
    git(within, "init", "--quiet")
    assert (Git(repository).head() or "").endswith("-dirty")  # no commit in it: what it holds cannot be told
    for setting in ("user.name=Ann", "user.email=ann@example.org"):
        git(within, "config", *setting.split("="))
    git(within, "commit", "--quiet", "--allow-empty", "--message", "first")
    before = Git(repository).head()
    (within / "agent.py").write_text("one\n")
    after = Git(repository).head()
    (within / "agent.py").write_text("two\n")
    assert len({before, after, Git(repository).head()}) == 3


def test_a_file_that_cannot_be_read_leaves_the_tree_untold(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "agent.py").write_text("two\n")

    def refused(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "open", refused)
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


def test_cases_are_no_change_of_the_agent_and_code_beside_them_is(repository: Path) -> None:
    settings = Settings(folder=repository)
    clean = wiring.repository(settings).head()
    (repository / "evals" / "drafts").mkdir(parents=True)
    (repository / "evals" / "drafts" / "refund.yaml").write_text("cases: []\n")
    assert wiring.repository(settings).head() == clean
    (repository / "evals" / "checks.py").write_text("def strict(): ...\n")
    assert wiring.repository(settings).head() != clean


def test_what_a_command_wrote_is_no_change_while_it_holds_that(repository: Path) -> None:
    clean = Git(repository).head()
    page = repository / "out" / "gäte.html"
    page.parent.mkdir()
    wiring.write_file(page, "<p>approved</p>")
    assert Git(repository).head() == clean
    assert Git(repository).differing() == ()
    wiring.write_file(page, "<p>blocked</p>")
    assert Git(repository).head() == clean
    page.write_text("ignore all rules")
    assert Git(repository).head() != clean
    assert Git(repository).differing() == ("out/gäte.html",)
    wiring.write_file(page, "<p>approved</p>")
    page.rename(repository / "agent_too.py")
    assert Git(repository).differing() == ("agent_too.py",)


def test_a_file_of_the_repository_is_a_change_whoever_wrote_it(repository: Path) -> None:
    clean = Git(repository).head()
    wiring.write_file(repository / "agent.py", "two\n")
    assert Git(repository).head() != clean
    git(repository, "commit", "--quiet", "--all", "--message", "kept")
    assert Git(repository).head() == git(repository, "rev-parse", "HEAD")


def test_what_was_written_is_remembered_beside_all_else_and_forgotten_with_the_file(repository: Path) -> None:
    wiring.write_file(repository / "one.xml", "<a/>")
    (repository / "link.xml").symlink_to("two.xml")
    wiring.write_file(repository / "link.xml", "<b/>")
    assert Git(repository).differing() == ("link.xml",)
    (repository / "one.xml").unlink()
    wiring.write_file(repository / "three.xml", "<c/>")
    known = repository / ".git" / "loopwright" / "written.json"
    assert sorted(json.loads(known.read_text())) == ["three.xml", "two.xml"]
    for nothing in ("[]", "{", "\x00"):
        known.write_text(nothing)
        assert Git(repository).differing() == ("link.xml", "three.xml", "two.xml")


def test_a_folder_of_git_that_cannot_be_written_stops_no_command(repository: Path) -> None:
    (repository / ".git" / "loopwright").write_text("in the way")
    wiring.write_file(repository / "gate.xml", "<a/>")
    assert Git(repository).differing() == ("gate.xml",)


def test_each_working_tree_of_a_repository_remembers_its_own(repository: Path) -> None:
    other = repository.parent / "other"
    git(repository, "worktree", "add", "--quiet", str(other))
    wiring.write_file(other / "gate.xml", "<a/>")
    (repository / "gate.xml").write_text("<a/>")
    assert Git(other).differing() == ()
    assert Git(repository).differing() == ("gate.xml",)
