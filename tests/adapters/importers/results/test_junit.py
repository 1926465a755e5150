"""JUnit XML: what counts as a trial, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from loopwright.adapters.importers.results.junit import JUnit
from loopwright.errors import RecordError


def read(text: str, size: int = 7) -> list[dict[str, Any]]:
    data = text.encode()
    return list(JUnit().read(data[i : i + size] for i in range(0, len(data), size)))


def suite(*cases: str, attributes: str = 'name="s"') -> str:
    return f"<testsuite {attributes}>{''.join(cases)}</testsuite>"


def case(inside: str = "", name: str = "t", more: str = "") -> str:
    return f'<testcase classname="c" name="{name}" {more}>{inside}</testcase>'


@pytest.mark.parametrize(
    ("inside", "passed"),
    [
        ("", True),
        ("<system-out>long</system-out>", True),
        ('<failure message="no"/>', False),
        ("<failure>no</failure>", False),
        ('<error message="gone"/>', None),
        ('<failure message="no"/><error message="gone"/>', False),
        ('<skipped type="pytest.xfail" message="known"/>', False),
    ],
)
def test_verdicts(inside: str, passed: bool | None) -> None:
    assert [row["passed"] for row in read(suite(case(inside)))] == [passed]


@pytest.mark.parametrize(
    ("inside", "more"),
    [
        ("<skipped/>", ""),
        ('<skipped type="pytest.skip" message="later">where</skipped>', ""),
        ('<skipped type="pytest.xfail" message="[NOTRUN] known"/>', ""),
        ("", 'status="notrun"'),
        ("", 'result="Skipped"'),
    ],
)
def test_a_test_that_did_not_run_is_no_trial_and_is_counted(inside: str, more: str) -> None:
    report = JUnit()
    assert list(report.read([suite(case(inside, more=more)).encode()])) == []
    assert report.notes == ["1 test was skipped, and is no trial"]


def test_an_error_says_what_went_wrong() -> None:
    texts = ('<error message="gone"/>', "<error>it is\n gone</error>", '<error type="OSError"/>', "<error/>")
    assert [row["error"] for row in read(suite(*map(case, texts)))] == ["gone", "it is gone", "OSError", "error"]


def test_the_same_test_again_is_its_next_trial() -> None:
    assert [(row["eval_id"], row["trial"]) for row in read(suite(case(), case(), case(name="u")))] == [
        ("c::t", 0), ("c::t", 1), ("c::u", 0),
    ]  # fmt: skip


def test_a_suite_that_stands_twice_in_a_file_stays_the_same_trials_twice() -> None:
    once = suite(case(), attributes='name="s" timestamp="2026-01-01T00:00:00"')
    assert [row["trial"] for row in read(f"<testsuites>{once}{once}</testsuites>")] == [0, 0]
    other = suite(case(), attributes='name="s" timestamp="2026-01-02T00:00:00"')
    assert [row["trial"] for row in read(f"<testsuites>{once}{other}</testsuites>")] == [0, 1]


@pytest.mark.parametrize(
    ("inside", "passed"),
    [
        ('<flakyFailure message="no"/>', [False, True]),
        ('<flakyFailure message="no"/><flakyError message="gone"/>', [False, None, True]),
        ('<failure message="no"/><rerunFailure message="no"/>', [False, False]),
    ],
)
def test_tries_after_a_failure_are_repeats(inside: str, passed: list[bool | None]) -> None:
    rows = read(suite(case(inside)))
    assert [row["passed"] for row in rows] == passed
    assert [row.get("repeat", False) for row in rows] == [False] + [True] * (len(passed) - 1)
    assert [row["trial"] for row in rows] == list(range(len(passed)))


def test_properties_are_fields() -> None:
    told = {
        "loopwright.eval_id": "refund", "trial": "2", "mode_id": "m", "deterministic": "True", "tags": "a, b", "cost_usd": "0.01",
        "tokens": "18", "version": "v8", "unknown": "x", "score": "high",
    }  # fmt: skip
    inside = "".join(f'<property name="{name}" value="{value}"/>' for name, value in told.items())
    (row,) = read(suite(case(f"<properties>{inside}</properties>", more='time="1.5"')))
    row.pop("run_id")
    assert row == {
        "eval_id": "refund", "trial": 2, "passed": True, "latency_ms": 1500.0, "mode_id": "m", "deterministic": True,
        "tags": ["a", "b"], "cost_usd": 0.01, "tokens": 18, "version": "v8",
    }  # fmt: skip


def test_an_error_property_means_that_there_was_no_verdict() -> None:
    told = '<properties><property name="loopwright.error" value="timed out"/></properties>'
    (row,) = read(suite(case(f'{told}<failure message="no"/>')))
    assert (row["passed"], row["error"]) == (None, "timed out")


def test_a_run_is_known_by_what_it_holds() -> None:
    ids = [read(text)[0]["run_id"] for text in (suite(case()), suite(case()), suite(case("<failure/>")))]
    assert ids[0] == ids[1] != ids[2]


BOMB = '<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'
OUTSIDE = '<!DOCTYPE z [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="t">&a;</testcase></testsuite>'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "declares a document type"),
        (OUTSIDE, "declares a document type"),
        ('<!DOCTYPE testsuite SYSTEM "http://127.0.0.1/x.dtd"><testsuite/>', "declares a document type"),
        ("<html><body/></html>", "the XML is <html>, not JUnit"),
        ('<testsuite>\n<testcase name="t">', "malformed XML in line 2"),
        ("<testsuite>\n\n<testcase></testsuite>", "malformed XML in line 3"),
        ("<testsuite><testcase/></testsuite>", "neither name nor classname"),
        ("", "malformed XML in line 1"),
        ("<testsuite>&nbsp;</testsuite>", "malformed XML in line 1"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        read(text)


def test_a_long_message_is_clipped() -> None:
    (row,) = read(suite(case(f"<error>{'x' * 100_000}</error>")), size=4096)
    assert len(row["error"]) == 500
