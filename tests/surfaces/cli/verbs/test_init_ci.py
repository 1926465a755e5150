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

CONDITIONS: dict[str, Callable[[str, bool], bool]] = {
    "": lambda event, cached: True,
    "github.event_name == 'push'": lambda event, cached: event == "push",
    "github.event_name == 'pull_request' || steps.baseline.outputs.cache-matched-key != ''": lambda event, cached: (
        event == "pull_request" or cached
    ),
}
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

    def shell(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "HOME": str(self.folder.parent), **environ}
        return subprocess.run(["bash", "-e", "-c", script], cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def commit(self, message: str) -> None:
        for command in (["add", "-A"], ["commit", "-q", "-m", message]):
            subprocess.run([*GIT, *command], cwd=self.folder, check=True)

    def edit(self, old: str, new: str) -> None:
        agent = self.folder / "agent_example.py"
        assert old in agent.read_text()
        agent.write_text(agent.read_text().replace(old, new))
        self.commit(f"{old} becomes {new}")

    def restore(self) -> bool:
        """A fresh checkout with the cached store."""
        shutil.rmtree(self.store, ignore_errors=True)
        if self.cache.exists():
            shutil.copytree(self.cache, self.store)
        return self.cache.exists()

    def save(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)
        shutil.copytree(self.store, self.cache)

    def github(self, event: str) -> list[tuple[str, int, str]]:
        """Run the job: (command, exit code, output) of every step that ran, up to the first that failed."""
        cached = self.restore()
        job = yaml.safe_load((self.folder / ".github/workflows/loopwright.yml").read_text())["jobs"]["gate"]
        done = []
        for step in job["steps"]:
            if "run" not in step or "pip install" in step["run"] or not CONDITIONS[step.get("if", "")](event, cached):
                continue
            result = self.shell(step["run"], GITHUB_ACTOR="octocat")
            done.append((step["run"], result.returncode, result.stdout + result.stderr))
            if result.returncode:
                return done
        if event == "push":
            self.save()
        return done

    def gitlab(self, job: str) -> subprocess.CompletedProcess[str]:
        self.restore()
        steps = yaml.safe_load((self.folder / "loopwright.gitlab-ci.yml").read_text())[job]["script"]
        done = self.shell("\n".join(steps), GITLAB_USER_LOGIN="octocat")
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


def codes(done: list[tuple[str, int, str]]) -> list[tuple[str, int]]:
    return [(command, code) for command, code, _ in done]


RUN, GATE = "loopwright run --exit-zero", "loopwright gate"
ESTABLISH = 'loopwright gate --establish --extend --by "$GITHUB_ACTOR"'


def test_github_gates_pull_requests_on_the_baseline_of_main(repository: Repository) -> None:
    first = repository.github("pull_request")
    assert codes(first) == [(RUN, 0), (GATE, 2)], first
    first = repository.github("push")
    assert codes(first) == [(RUN, 0), (ESTABLISH, 0)], first

    repository.edit("a colleague", "a person")
    merged = repository.github("push")
    assert codes(merged) == [(RUN, 0), (GATE, 0), (ESTABLISH, 0)], merged

    repository.edit("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    broken = repository.github("pull_request")
    assert codes(broken) == [(RUN, 0), (GATE, 1)], broken
    assert "refund-outside-window" in broken[-1][2]


def test_gitlab_gates_merge_requests_on_the_baseline_of_the_default_branch(repository: Repository) -> None:
    first = repository.gitlab("loopwright-baseline")
    assert first.returncode == 0, first.stderr
    repository.edit("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    assert repository.gitlab("loopwright-gate").returncode == 1
    assert repository.gitlab("loopwright-baseline").returncode == 1
