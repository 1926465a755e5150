"""The scaffolded CI workflows, step by step, in a scratch repository: what goes green, and what does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from junitparser import JUnitXml

CONDITIONS: dict[str, Callable[[str, bool], bool]] = {
    "": lambda event, cached: True,
    "github.ref == 'refs/heads/main'": lambda event, cached: event != "pull_request",
    "github.event_name == 'pull_request' || (github.event_name == 'push' && steps.baseline.outputs.cache-matched-key != '')": (
        lambda event, cached: event == "pull_request" or (event == "push" and cached)
    ),
}
CASES = "evals/first_cases.yaml"
GIT = ("git", "-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "init.defaultBranch=main")


@dataclass(frozen=True)
class Repository:
    """A scratch repository, and beside it the cache that the CI service keeps."""

    folder: Path

    @property
    def cache(self) -> Path:
        return self.folder.parent / "cache"

    @property
    def store(self) -> Path:
        return self.folder / ".loopwright"

    @property
    def runner(self) -> dict[str, str]:
        """What GitHub's runner tells a step."""
        return {"RUNNER_TEMP": str(self.folder.parent), "GITHUB_WORKSPACE": str(self.folder)}

    @property
    def summary(self) -> Path:
        return self.folder.parent / "summary.md"

    def shell(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "HOME": str(self.folder.parent), **environ}
        return subprocess.run(["bash", "-e", "-c", script], cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def git(self, *words: str) -> str:
        done = subprocess.run([*GIT, *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def edit(self, old: str, new: str, file: str = "agent_example.py") -> None:
        text = (self.folder / file).read_text()
        assert old in text
        (self.folder / file).write_text(text.replace(old, new))
        self.commit(f"{old} becomes {new}")

    def checkout(self) -> bool:
        """What the CI service starts with: the cached store."""
        shutil.rmtree(self.store, ignore_errors=True)
        if self.cache.exists():
            shutil.copytree(self.cache, self.store)
        return self.cache.exists()

    def save(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)
        shutil.copytree(self.store, self.cache)

    def github(self, event: str) -> tuple[list[str], int, str]:
        """Run the job: the names of the steps that ran, the last one's exit code and what it said."""
        cached = self.checkout()
        job = yaml.safe_load((self.folder / ".github/workflows/loopwright.yml").read_text())["jobs"]["gate"]
        names = []
        for step in job["steps"]:
            if "run" not in step or "pip install" in step["run"] or not CONDITIONS[step.get("if", "")](event, cached):
                continue
            names.append(step["name"])
            done = self.shell(step["run"], GITHUB_ACTOR="octocat", GITHUB_STEP_SUMMARY=str(self.summary), **self.runner)
            if done.returncode:
                break
        if event != "pull_request" and not done.returncode:
            self.save()
        return names, done.returncode, done.stdout + done.stderr

    def gitlab(self, job: str, source: str = "push") -> subprocess.CompletedProcess[str]:
        environ = {"GITLAB_USER_LOGIN": "octocat", "CI_PIPELINE_SOURCE": source}
        self.checkout()
        steps = yaml.safe_load((self.folder / "loopwright.gitlab-ci.yml").read_text())[job]["script"]
        done = self.shell("\n".join(steps), **environ)
        if job == "loopwright-baseline" and not done.returncode:
            self.save()
        return done


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.folder.mkdir()
    subprocess.run([*GIT, "init", "-q"], cwd=made.folder, check=True)
    for ci in ("github", "gitlab"):
        done = made.shell(f"python -m loopwright init --ci {ci}")
        assert done.returncode == 0, done.stderr
    made.commit("the first files")
    return made


SUITE, COMPARE, ADD = "Run the suite", "Compare with the baseline", "Add the merged version to the baseline"
NEW_CASE = """
  - id: thanks
    input: Thanks!
    checks: [{type: contains, value: order number}]
"""


def test_github_gates_pull_requests_on_the_baseline_of_main(repository: Repository) -> None:
    first = repository.github("push")
    assert first[:2] == ([SUITE, ADD], 0), first

    (repository.folder / "evals/more.yaml").write_text("cases:" + NEW_CASE)
    repository.edit("a colleague", "a person")
    grown = repository.github("pull_request")
    assert grown[:2] == ([SUITE, COMPARE], 0), grown
    merged = repository.github("push")
    assert merged[:2] == ([SUITE, COMPARE, ADD], 0), merged

    repository.edit("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    broken = repository.github("push")
    assert broken[:2] == ([SUITE, COMPARE], 1), broken
    assert "refund-outside-window" in broken[2]

    line = (repository.folder / CASES).read_text().split("id: refund-outside-window")[0].count("\n") + 1
    assert f"::error file={CASES},line={line},title=Case lost::refund-outside-window: " in broken[2]
    assert "## Gate: blocked" in repository.summary.read_text()
    (suite,) = JUnitXml.fromfile(str(repository.folder.parent / "gate.xml"))
    assert [case.name for case in suite if not case.is_passed] == ["decision", "refund-outside-window"]


def test_a_pull_request_that_weakens_or_removes_cases_needs_a_person(repository: Repository) -> None:
    repository.github("push")
    repository.edit("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    repository.edit(
        "tool_not_called, name: refund}\n      - {type: regex", "tool_called, name: refund}\n      - {type: regex", CASES
    )
    repository.edit('pattern: "(?i)window"', 'pattern: "."', CASES)
    for event in ("pull_request", "push"):
        weakened = repository.github(event)
        assert weakened[:2] == ([SUITE, COMPARE], 2), weakened
        assert "refund-outside-window changed since the baseline" in weakened[2]

    accepted = repository.github("workflow_dispatch")
    assert accepted[:2] == ([SUITE, ADD], 0), accepted
    assert "octocat made" in accepted[2]
    assert repository.github("pull_request")[1] == 0


def test_a_pull_request_without_a_baseline_is_undecided(repository: Repository) -> None:
    done = repository.github("pull_request")
    assert done[:2] == ([SUITE, COMPARE], 2), done
    assert "no baseline" in done[2]


def test_gitlab_gates_merge_requests_on_the_baseline_of_the_default_branch(repository: Repository) -> None:
    first = repository.gitlab("loopwright-baseline")
    assert first.returncode == 0, first.stderr
    repository.edit("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    assert repository.gitlab("loopwright-gate").returncode == 1
    (suite,) = JUnitXml.fromfile(str(repository.store / "gate.xml"))
    assert suite.failures == 2
    assert (repository.store / "gate.md").read_text().startswith("## Gate: blocked")
    repository.edit("id: refund-outside-window", "id: refund-within-90-days", CASES)
    assert repository.gitlab("loopwright-baseline").returncode == 2
    assert repository.gitlab("loopwright-baseline", source="web").returncode == 0


def test_the_hook_holds_back_a_push_that_the_gate_blocks(repository: Repository) -> None:
    done = repository.shell("python -m loopwright init --ci none --hook")
    assert "git config core.hooksPath .githooks" in done.stderr
    repository.commit("a hook")
    repository.git("init", "-q", "--bare", str(repository.folder.parent / "remote"))
    repository.git("remote", "add", "origin", str(repository.folder.parent / "remote"))
    repository.git("config", "core.hooksPath", ".githooks")

    first = repository.shell("git push origin HEAD:main")
    assert first.returncode == 0, first.stderr
    assert "undecided, and pushed all the same" in first.stderr
    assert repository.shell("LOOPWRIGHT_HOOK_STRICT=1 git push origin HEAD:other").returncode != 0
    assert repository.shell("loopwright gate --establish --by Ada").returncode == 0
    repository.edit("a colleague", "a person")
    good = repository.shell("git push origin HEAD:main")
    assert good.returncode == 0, good.stderr
    assert "APPROVED" in good.stderr

    repository.edit("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    broken = repository.shell("git push origin HEAD:main")
    assert broken.returncode != 0
    assert "BLOCKED" in broken.stderr
    assert repository.git("rev-parse", "HEAD~1") == repository.git("ls-remote", "origin", "main").split()[0]
    assert repository.shell("git push origin HEAD~1:refs/heads/older").returncode == 0
    assert repository.shell("git push --no-verify origin HEAD:main").returncode == 0
