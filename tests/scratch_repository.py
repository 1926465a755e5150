"""A scratch repository with the scaffolded CI workflows, and what a CI service does with it: checkouts, a cache, the steps."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml

CONDITIONS: dict[str, Callable[[str, bool], bool]] = {
    "": lambda event, cached: True,
    "github.ref == 'refs/heads/main'": lambda event, cached: event != "pull_request",
    "github.event_name == 'pull_request' || (github.event_name == 'push' && steps.baseline.outputs.cache-matched-key != '')": (
        lambda event, cached: event == "pull_request" or (event == "push" and cached)
    ),
}
"""The conditions of the workflow's steps, as functions of the event and of whether there was a cache."""
GIT = ("git", "-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "init.defaultBranch=main")


class Job(NamedTuple):
    """What a job came to: the names of the steps that ran, the last one's exit code, and what each said."""

    steps: list[str]
    code: int
    output: dict[str, str]

    @property
    def text(self) -> str:
        return "".join(self.output.values())


@dataclass(frozen=True)
class Repository:
    """A scratch repository, and beside it the runner's checkout and the cache that the CI service keeps."""

    folder: Path

    @property
    def place(self) -> Path:
        """The folder that all of it lies in."""
        return self.folder.parent

    @property
    def cache(self) -> Path:
        return self.place / "cache"

    @property
    def checkout(self) -> Path:
        """Where jobs work."""
        return self.place / "runner" / self.folder.name

    @property
    def store(self) -> Path:
        """The store of the last job."""
        return self.checkout / ".loopwright"

    @property
    def temp(self) -> Path:
        """The runner's folder for a job's files."""
        return self.place / "runner-temp"

    @property
    def summary(self) -> Path:
        return self.temp / "summary.md"

    def shell(self, script: str, folder: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "HOME": str(self.place), **environ}
        command = ["bash", "-e", "-c", script]
        return subprocess.run(command, cwd=folder or self.folder, env=env, capture_output=True, text=True, check=False)

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

    def check_out(self) -> bool:
        """What a job starts with: a shallow clone of what is checked out, and the cached store; whether there was one."""
        shutil.rmtree(self.checkout.parent, ignore_errors=True)
        shutil.rmtree(self.temp, ignore_errors=True)
        self.temp.mkdir()
        command = [*GIT, "clone", "-q", "--depth", "1", self.folder.as_uri(), str(self.checkout)]
        subprocess.run(command, check=True, capture_output=True)
        if self.cache.exists():
            shutil.copytree(self.cache, self.store)
        return self.cache.exists()

    def save(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)
        shutil.copytree(self.store, self.cache)

    def runner(self, event: str, actor: str) -> dict[str, str]:
        """What GitHub's runner tells a step."""
        files = {name: str(self.temp / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")}
        for file in files.values():
            Path(file).touch()
        return files | {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": actor,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_REF": "refs/pull/1/merge" if event == "pull_request" else "refs/heads/main",
            "GITHUB_SHA": self.git("rev-parse", "HEAD"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(self.checkout),
            "RUNNER_TEMP": str(self.temp),
        }

    def github(self, event: str, actor: str = "octocat") -> Job:
        """Run the steps of the scaffolded job that are commands, as far as they go."""
        cached = self.check_out()
        environ = self.runner(event, actor)
        job = yaml.safe_load((self.checkout / ".github/workflows/loopwright.yml").read_text())["jobs"]["gate"]
        output: dict[str, str] = {}
        code = 0
        for step in job["steps"]:
            if "run" not in step or "pip install" in step["run"] or not CONDITIONS[step.get("if", "")](event, cached):
                continue
            done = self.shell(step["run"], self.checkout, **environ)
            output[step["name"]], code = done.stdout + done.stderr, done.returncode
            if code:
                break
        if event != "pull_request" and not code:
            self.save()
        return Job(list(output), code, output)

    def gitlab(self, job: str, source: str = "push") -> subprocess.CompletedProcess[str]:
        """Run a job's script."""
        self.check_out()
        steps = yaml.safe_load((self.checkout / "loopwright.gitlab-ci.yml").read_text())[job]["script"]
        done = self.shell("\n".join(steps), self.checkout, GITLAB_USER_LOGIN="octocat", CI_PIPELINE_SOURCE=source)
        if job == "loopwright-baseline" and not done.returncode:
            self.save()
        return done


def scaffolded(folder: Path) -> Repository:
    """A new repository with what `loopwright init` writes for both CI services, committed."""
    made = Repository(folder)
    made.folder.mkdir()
    made.git("init", "-q")
    for ci in ("github", "gitlab"):
        done = made.shell(f"python -m loopwright init --ci {ci}")
        assert done.returncode == 0, done.stderr
    made.commit("the first files")
    return made
