"""The scaffolded CI workflows, step by step, in a scratch repository: what goes green, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from junitparser import JUnitXml

from scratch_repository import Repository, scaffolded

CASES = "evals/first_cases.yaml"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return scaffolded(tmp_path / "shop")


SUITE, COMPARE, ADD = "Run the suite", "Compare with the baseline", "Add the merged version to the baseline"
NEW_CASE = """
  - id: thanks
    input: Thanks!
    checks: [{type: contains, value: order number}]
"""


def test_github_gates_pull_requests_on_the_baseline_of_main(repository: Repository) -> None:
    first = repository.github("push")
    assert (first.steps, first.code) == ([SUITE, ADD], 0), first

    (repository.folder / "evals/more.yaml").write_text("cases:" + NEW_CASE)
    repository.edit("a colleague", "a person")
    grown = repository.github("pull_request")
    assert (grown.steps, grown.code) == ([SUITE, COMPARE], 0), grown
    merged = repository.github("push")
    assert (merged.steps, merged.code) == ([SUITE, COMPARE, ADD], 0), merged

    repository.edit("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    broken = repository.github("push")
    assert (broken.steps, broken.code) == ([SUITE, COMPARE], 1), broken
    assert "refund-outside-window" in broken.text

    line = (repository.folder / CASES).read_text().split("id: refund-outside-window")[0].count("\n") + 1
    assert f"::error file={CASES},line={line},title=Case lost::refund-outside-window: " in broken.text
    assert "## Gate: blocked" in repository.summary.read_text()
    (suite,) = JUnitXml.fromfile(str(repository.temp / "gate.xml"))
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
        assert (weakened.steps, weakened.code) == ([SUITE, COMPARE], 2), weakened
        assert "refund-outside-window changed since the baseline" in weakened.text

    accepted = repository.github("workflow_dispatch")
    assert (accepted.steps, accepted.code) == ([SUITE, ADD], 0), accepted
    assert "octocat made" in accepted.text
    assert repository.github("pull_request").code == 0


def test_a_pull_request_without_a_baseline_is_undecided(repository: Repository) -> None:
    done = repository.github("pull_request")
    assert (done.steps, done.code) == ([SUITE, COMPARE], 2), done
    assert "no baseline" in done.text


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
