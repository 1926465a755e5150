"""A team's repository from its first baseline to a broken agent, through scaffolded CI workflows, hook and pytest.

What comes out is read as others read it: JUnit by a parser of its own, workflow commands by the rules of GitHub's runner,
Markdown by a Markdown parser, the page by a browser.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt

from chromium import chromium
from loopwright.audit.trail import breaks
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.wiring import store
from scratch_repository import Job, Repository, scaffolded

AGENT = '''
"""A desk that answers by rules."""

ANSWERS = {"refund": "I have sent the refund", "address": "I have changed the address", "bag": "I have added the bag"}


def answer(question):
    for word, reply in ANSWERS.items():
        if word in question:
            return f"{reply}: {question}"
    return "A colleague will answer you."
'''
BROKEN = AGENT.replace('"I have sent the refund"', '"I cannot help with that"')
REFUNDS, OTHERS = 26, 12
SHOP_TESTS = """
import os

import pytest

from desk import answer


@pytest.mark.loopwright(trials=3, mode="mode-refunds")
@pytest.mark.parametrize("number", range(6))
def test_refund(number, loopwright_trial):
    assert "sent the refund" in answer(f"refund for order {number}")


def test_plain():
    assert answer("bag")
"""


def case(id: str, question: str, expected: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "input": question, "checks": [{"type": "contains", "value": expected}], **fields}


def suite() -> str:
    """Half of the cases of refunds are declared deterministic: each of these is proof alone, the others are together."""
    refunds = [
        case(f"refund-{n}", f"refund for order {n}", "sent the refund", mode_id="mode-refunds", deterministic=n % 2 == 0)
        for n in range(REFUNDS)
    ]
    others = [
        case(f"{word}-{n}", f"{word} for order {n}", "I have", tags=[word]) for n in range(OTHERS) for word in ("address", "bag")
    ]
    return yaml.safe_dump({"cases": refunds + others}, sort_keys=False)


@dataclass(frozen=True)
class Shop:
    """The repository, and what its jobs came to: the first push, a pull request that changes nothing, and one that breaks."""

    repository: Repository
    first: Job
    same: Job
    broken: Job

    @property
    def kept(self) -> Path:
        """What the broken pull request's job left: gate.html, gate.xml, gate.md, summary.md."""
        return self.repository.place / "kept"

    @property
    def annotations(self) -> list[Command]:
        return commands(self.broken.output["Compare with the baseline"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    repository = scaffolded(tmp_path_factory.mktemp("e2e") / "shop")
    folder = repository.folder
    (folder / "desk.py").write_text(AGENT)
    (folder / "evals" / "first_cases.yaml").unlink()
    (folder / "evals" / "desk.yaml").write_text(suite())
    (folder / "test_desk.py").write_text(SHOP_TESTS)
    repository.edit("python:agent_example:answer", "python:desk:answer", "loopwright.toml")
    first = repository.github("push", actor="Ada Lovelace")

    repository.git("switch", "-q", "-c", "same")
    (folder / "README.md").write_text("A desk.\n")
    repository.commit("a word about the desk")
    same = repository.github("pull_request")

    repository.git("switch", "-q", "-c", "broken", "main")
    (folder / "desk.py").write_text(BROKEN)
    repository.commit("politer")
    broken = repository.github("pull_request")
    repository.temp.rename(repository.place / "kept")
    repository.git("switch", "-q", "main")
    return Shop(repository, first, same, broken)


@pytest.fixture
def main_branch(shop: Shop) -> Iterator[Repository]:
    """The repository with main checked out, and the store that CI keeps, whose baseline is main's."""
    repository = shop.repository
    shutil.copytree(repository.cache, repository.folder / ".loopwright")
    yield repository
    repository.git("switch", "-q", "--force", "main")
    repository.git("clean", "-q", "-fdx")


class Command(NamedTuple):
    """A workflow command as GitHub's runner takes it."""

    name: str
    properties: dict[str, str]
    data: str


def commands(output: str) -> list[Command]:
    """The commands in a step's output, by the rules of the runner (`ActionCommand.TryParseV2` and `ActionCommandManager`)."""
    found: list[Command] = []
    stopped = ""
    for line in output.split("\n"):
        if stopped:
            stopped = "" if line.strip() == f"::{stopped}::" else stopped
            continue
        assert "##[" not in line, "the older form is read anywhere in a line"
        text = line.lstrip()
        end = text.find("::", 2)
        if not text.startswith("::") or end < 0:
            continue
        name, _, told = text[2:end].strip().partition(" ")
        properties = dict(part.strip().split("=", 1) for part in told.split(",") if part)
        taken = Command(
            name, {key: unescaped(value, PROPERTY) for key, value in properties.items()}, unescaped(text[end + 2 :], DATA)
        )
        if taken.name == "stop-commands":
            assert len(taken.data) >= 16
            stopped = taken.data
        else:
            found.append(taken)
    assert not stopped, "commands stay off for the rest of the step"
    return found


DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}
PROPERTY = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def unescaped(text: str, rules: dict[str, str]) -> str:
    for code, char in rules.items():
        text = text.replace(code, char)
    return text


def opened(repository: Repository, folder: Path | None = None) -> Store:
    return store(load(start=folder or repository.folder, environ={}))


def test_the_first_version_becomes_the_baseline_by_a_named_person(shop: Shop) -> None:
    assert (shop.first.steps, shop.first.code) == (["Run the suite", "Add the merged version to the baseline"], 0), (
        shop.first.text
    )
    assert "Ada Lovelace made run-" in shop.first.text


def test_a_branch_that_changes_nothing_of_the_agent_is_approved(shop: Shop) -> None:
    assert (shop.same.steps, shop.same.code) == (["Run the suite", "Compare with the baseline"], 0), shop.same.text
    found = commands(shop.same.output["Compare with the baseline"])
    assert {taken.name for taken in found} == {"notice"}
    assert found[0].properties["title"] == "Gate approved"


def test_a_branch_that_breaks_the_agent_is_blocked(shop: Shop) -> None:
    assert (shop.broken.steps, shop.broken.code) == (["Run the suite", "Compare with the baseline"], 1), shop.broken.text
    assert sorted(path.name for path in shop.kept.glob("gate.*")) == ["gate.html", "gate.md", "gate.xml"]


def test_the_annotations_keep_to_githubs_rules_and_stand_at_the_cases(shop: Shop) -> None:
    found = shop.annotations
    levels = Counter(taken.name for taken in found)
    assert set(levels) <= {"error", "warning", "notice"}
    assert levels["error"] == 10 >= max(levels.values())
    assert sum(levels.values()) <= 50
    lines = (shop.repository.checkout / "evals/desk.yaml").read_text().splitlines()
    placed = [taken for taken in found if "file" in taken.properties]
    assert placed
    for taken in placed:
        assert taken.properties["file"] == "evals/desk.yaml"
        assert lines[int(taken.properties["line"]) - 1] == f"- id: {taken.data.partition(':')[0]}"
    for taken in found:
        assert set(taken.properties) <= {"file", "line", "title"}
        assert len(taken.properties["title"]) <= 255
        assert 0 < len(taken.data.encode()) <= 4096
    assert "more error" in found[-1].data


def test_junit_says_what_fell(shop: Shop) -> None:
    (found,) = JUnitXml.fromfile(str(shop.kept / "gate.xml"))
    tests = {test.name: test for test in found}
    failed = {name for name, test in tests.items() if any(isinstance(one, Failure) for one in test.result)}
    assert failed >= {"decision", "suite", "mode-refunds", *(f"refund-{n}" for n in range(0, REFUNDS, 2))}
    assert all(name.startswith(("refund-", "mode-", "decision", "suite")) for name in failed)
    assert (found.tests, found.failures) == (len(tests), len(failed))
    assert found.errors == sum(isinstance(one, Error) for test in found for one in test.result)
    assert found.skipped == sum(isinstance(one, Skipped) for test in found for one in test.result) == 0
    assert tests["refund-0"].classname == "loopwright.cases.mode-refunds"
    assert len(tests) == REFUNDS + 2 * OTHERS + 3


def test_the_summary_and_the_comment_are_whole(shop: Shop) -> None:
    summary, comment = ((shop.kept / name).read_text() for name in ("summary.md", "gate.md"))
    assert summary == comment
    assert len(comment.encode()) <= 65_536
    html = MarkdownIt("commonmark").enable("table").render(summary)
    assert html.startswith("<h2>Gate: blocked</h2>")
    assert html.count("<table>") >= 2
    assert "refund-0" in html


@pytest.mark.browser
def test_the_page_opens_wide_and_narrow_light_and_dark(shop: Shop) -> None:
    page_file = shop.kept / "gate.html"
    with chromium() as browser:
        for width in (400, 1280):
            for scheme in ("light", "dark"):
                complaints: list[str] = []
                context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
                page = context.new_page()
                page.on("console", lambda message, said=complaints: said.append(message.text))
                page.on("pageerror", lambda error, said=complaints: said.append(str(error)))
                page.goto(page_file.as_uri())
                assert page.get_by_role("heading", level=1).inner_text() == "BLOCKED"
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                tallest = "Math.max(...[...document.querySelectorAll('table.ba:not(.takes) td')].map(td => td.clientHeight))"
                assert page.evaluate(tallest) < 40, "a count is on one line"
                page.screenshot(path=str(shop.kept / f"gate-{width}-{scheme}.png"), full_page=True)
                assert complaints == []
                context.close()


def test_gitlab_runs_the_same_gate(shop: Shop) -> None:
    repository = shop.repository
    repository.git("switch", "-q", "broken")
    done = repository.gitlab("loopwright-gate", "merge_request_event")
    repository.git("switch", "-q", "main")
    assert done.returncode == 1, done.stdout + done.stderr
    job = yaml.safe_load((repository.checkout / "loopwright.gitlab-ci.yml").read_text())[".loopwright"]
    kept = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert all((repository.checkout / path).stat().st_size for path in kept)
    (found,) = JUnitXml.fromfile(str(repository.checkout / job["artifacts"]["reports"]["junit"]))
    assert found.failures >= REFUNDS // 2


def test_the_hook_holds_a_broken_push_back_from_the_remote(main_branch: Repository) -> None:
    """And what the gate writes into the working tree between two pushes is no change of the agent."""
    repository = main_branch
    remote = repository.place / "remote.git"
    repository.git("init", "-q", "--bare", str(remote))
    script = """
        loopwright init --ci none --hook 2>/dev/null
        git config core.hooksPath .githooks
        git remote add origin ../remote.git
    """
    prepared = repository.shell(script)
    assert prepared.returncode == 0, prepared.stderr
    repository.commit("a hook")
    first = repository.shell("git push -q origin main")
    assert (first.returncode, "APPROVED" in first.stderr) == (0, True), first.stderr
    written = repository.shell("loopwright gate --html gate.html --junit gate.xml --markdown gate.md && loopwright gate")
    assert written.returncode == 0, written.stdout
    assert repository.shell("git status --porcelain").stdout.split() == ["??", "gate.html", "??", "gate.md", "??", "gate.xml"]

    pushed = repository.git("rev-parse", "HEAD")
    (repository.folder / "desk.py").write_text(BROKEN)
    dirty = repository.shell("loopwright gate")
    assert dirty.returncode == 2, "a change that is not committed is another agent"
    assert "the code" in dirty.stdout
    repository.git("commit", "-q", "-a", "-m", "politer")
    broken = repository.shell("git push -q origin main")
    assert broken.returncode != 0
    assert "BLOCKED" in broken.stderr
    assert repository.git("ls-remote", "origin", "main").split()[0] == pushed
    repository.git("reset", "-q", "--hard", pushed)


PYTEST = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -v -p xdist -p _loopwright_pytest -p no:cacheprovider -n 2 "


def test_pytest_with_two_workers_repeats_decides_once_and_is_silent_without_evals(main_branch: Repository) -> None:
    repository = main_branch
    whole = PYTEST + "test_desk.py --loopwright-suite evals --loopwright-trials 2 --loopwright-gate"
    good = repository.shell(whole)
    assert good.returncode == 0, good.stdout
    assert good.stdout.count("APPROVED") == 1
    assert f"{6 * 3 + 2 * (REFUNDS + 2 * OTHERS) + 1} passed" in good.stdout
    assert "evals/desk.yaml::bag-3[trial1]" in good.stdout
    assert "test_desk.py::test_refund[5-trial2]" in good.stdout

    (repository.folder / "desk.py").write_text(BROKEN)
    repository.git("commit", "-q", "-a", "-m", "politer")
    broken = repository.shell(whole)
    assert broken.returncode == 1, broken.stdout
    assert broken.stdout.count("BLOCKED") == 1
    with opened(repository) as kept:
        assert len(kept.runs()) == 3
        decided = [held.decision.decision for held in kept.decisions()]
        trials = Counter(row.eval_id for row in kept.results(kept.runs()[-1].run_id))
    assert [outcome.value for outcome in decided if outcome] == ["approved", "blocked"]
    assert set(trials.values()) == {2, 3}
    plain = repository.shell(PYTEST + "test_desk.py::test_plain")
    assert (plain.returncode, "loopwright gate" in plain.stdout + plain.stderr) == (0, False)
    repository.git("reset", "-q", "--hard", "HEAD~1")


def test_after_an_approval_a_new_case_that_fails_waits_for_a_person(main_branch: Repository) -> None:
    repository = main_branch
    more = {"cases": [case("seat-1", "seat by the window", "I have", tags=["seats"])]}
    (repository.folder / "evals" / "more.yaml").write_text(yaml.safe_dump(more))
    assert repository.shell("loopwright run").returncode == 1
    approved = repository.shell("loopwright gate --format json")
    told = json.loads(approved.stdout)
    assert (approved.returncode, told["decision"], told["statistics"]["new"]) == (0, "approved", ["seat-1"]), approved.stdout
    assert told["new_evals_queued"] == 1, approved.stdout
    waiting = repository.shell("loopwright review")
    assert (waiting.returncode, "seat-1" in waiting.stdout) == (0, True), waiting.stdout
    with opened(repository) as kept:
        assert [queued.result.eval_id for queued in kept.queue()] == ["seat-1"]
        assert breaks(kept.trail()) == ()
    assert repository.shell("loopwright gate").returncode == 0
    assert (
        subprocess.run(["git", "status", "--porcelain", "desk.py"], cwd=repository.folder, capture_output=True, check=True).stdout
        == b""
    )
