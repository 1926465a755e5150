"""The adoption stage is told from evidence, and there is always one next step, a command that exists."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import case, failure, mode, trace
from loopwright import wiring
from loopwright.cluster.mode import Membership
from loopwright.errors import SuiteError
from loopwright.evaluate.case import Suite
from loopwright.settings import load
from loopwright.surfaces.cli.main import VERBS
from loopwright.workflows.adoption import ENOUGH_CASES, Absent, Evidence, examine, look, stage

COMPLETE = Evidence(
    own_target=True,
    cases=20,
    grown=1,
    runs=1,
    traces=1,
    failures=1,
    modes=1,
    triaged=1,
    ci=("ci.yml",),
    baseline=1,
    gated=1,
    sought=True,
    proposals=2,
    reviewed=1,
    releases=1,
)
counts = st.integers(0, 30)
evidence = st.builds(
    Evidence,
    **{f.name: counts for f in fields(Evidence) if f.type == "int"},
    own_target=st.booleans(),
    ci=st.sampled_from([(), ("ci.yml",)]),
)


@pytest.mark.parametrize(
    ("without", "number", "command"),
    [
        ({"cases": 0}, 1, "loopwright init"),
        ({"runs": 0}, 1, "loopwright run"),
        ({"own_target": False}, 1, "loopwright run"),
        ({"cases": ENOUGH_CASES - 1}, 1, "loopwright run"),
        ({"traces": 0}, 2, "loopwright import FILE"),
        ({"failures": 0}, 2, "loopwright mine"),
        ({"triaged": 0}, 3, "loopwright triage"),
        ({"triaged": 0, "modes": 0}, 3, "loopwright cluster"),
        ({"ci": ()}, 3, "loopwright init"),
        ({"modes": 0}, 4, "loopwright cluster"),
        ({"grown": 0}, 4, "loopwright review"),
        ({"baseline": 0}, 5, "loopwright gate --establish"),
        ({"gated": 0}, 5, "loopwright gate"),
        ({"sought": False, "proposals": 0, "reviewed": 0}, 5, "loopwright loop"),
        ({"reviewed": 0}, 5, "loopwright review"),
        ({"releases": 0}, 5, "loopwright release record VERSION"),
        ({}, 5, "loopwright triage"),
    ],
)
def test_what_is_missing_tells_the_stage_and_the_next_step(without: dict[str, Any], number: int, command: str) -> None:
    found = stage(replace(COMPLETE, **without))
    assert (found.number, found.next.command) == (number, command)
    assert [s.complete for s in found.stages[:number]] == [True] * (number - 1) + [not without]


def test_nothing_at_all_is_the_first_stage() -> None:
    found = stage(Evidence())
    assert (found.number, found.name, found.next.command) == (1, "manual evals", "loopwright init")
    assert found.why == "0 cases of at least 20, 0 finished runs"


def test_a_later_stage_does_not_make_up_for_an_earlier_one() -> None:
    found = stage(replace(COMPLETE, cases=3))
    assert found.number == 1
    assert [s.complete for s in found.stages] == [False, True, True, True, True]


@given(evidence)
def test_there_is_always_one_next_step_that_exists(known: Evidence) -> None:
    found = stage(known)
    assert found.next.command.split()[0] == "loopwright"
    assert found.next.command.split()[1] in VERBS
    assert all(s.complete for s in found.stages[: found.number - 1])


@given(evidence, st.sampled_from([f.name for f in fields(Evidence) if f.type == "int"]))
def test_more_evidence_never_lowers_the_stage(known: Evidence, name: str) -> None:
    assert stage(replace(known, **{name: getattr(known, name) + 1})).number >= stage(known).number


def test_evidence_is_counted_from_the_store_and_the_suite(project: Path) -> None:
    settings = load(start=project, environ={})
    with wiring.store(settings) as store:
        store.put_traces([trace(id="t1"), trace(id="t2")])
        store.replace_failures([failure("t1"), failure("t2", score=0.0)])
        store.put_modes([mode("m1", size=1)], [Membership("t1", "m1", 1.0)])
    suite = Suite((case("a"), case("b", mode_id="m1")))
    found = asyncio.run(examine({}, lambda: None, lambda: suite, lambda: wiring.store(settings), Evidence(own_target=True)))
    assert found.evidence == Evidence(own_target=True, cases=2, grown=1, traces=2, failures=1, modes=1)
    assert not found.broken


@pytest.mark.parametrize(
    ("url", "ok", "detail"),
    [
        ("python:shop:answer", True, "python:shop:answer"),
        ("python:shop:nothing", False, "nothing"),
        ("python:closed:answer", False, "closed"),
        ("telnet://shop", False, "unknown target"),
    ],
)
def test_the_target_is_opened_and_not_called(project: Path, url: str, ok: bool, detail: str) -> None:
    (project / "shop.py").write_text("def answer(question):\n    raise SystemExit('called')\n")
    settings = load({"target.url": url}, start=project, environ={})
    found = asyncio.run(
        examine({}, lambda: wiring.target(url, settings), lambda: None, lambda: wiring.store(settings), Evidence())
    )
    assert (found.findings[0].name, found.findings[0].ok) == ("target", ok)
    assert detail in found.findings[0].detail


def test_looking_makes_no_store(project: Path) -> None:
    settings = load(start=project, environ={})
    found = asyncio.run(examine({}, lambda: None, lambda: None, lambda: wiring.store(settings), Evidence()))
    assert found.adoption is not None
    assert found.adoption.number == 1
    assert list(project.iterdir()) == []


def test_a_broken_suite_or_store_is_a_finding_and_no_stage(project: Path) -> None:
    settings = load(start=project, environ={})

    def broken() -> Suite:
        raise SuiteError("no id", source="evals/x.yaml", line=3)

    found = asyncio.run(examine({}, lambda: None, broken, lambda: wiring.store(settings), Evidence()))
    assert (found.adoption, [f.detail for f in found.broken]) == (None, ["evals/x.yaml:3: no id"])
    (project / ".loopwright").mkdir()
    (project / ".loopwright/loopwright.db").write_text("not a database, however long this text may be" * 100)
    found = asyncio.run(examine({}, lambda: None, lambda: None, lambda: wiring.store(settings), Evidence()))
    assert (found.adoption, [f.name for f in found.broken]) == (None, ["store"])


def test_looking_tells_there_broken_and_absent_apart() -> None:
    def broken() -> str:
        raise SuiteError("bad")

    assert [look("x", at).ok for at in (lambda: "here", lambda: Absent("no git"), broken)] == [True, None, False]
