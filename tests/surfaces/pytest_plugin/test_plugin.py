"""The pytest plugin in pytest sessions of its own, as users have them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import loopwright.adapters.store.store
import loopwright.surfaces.pytest_plugin.plugin  # noqa: F401 - pytester forgets what is first imported within a session
from loopwright.adapters.importers.results.reader import FileResultReader
from loopwright.surfaces.cli.main import main

pytest_plugins = ["pytester"]

AGENT_TESTS = """
import os
import pytest

NOISY = os.environ.get("NOISY")
BROKEN = os.environ.get("BROKEN")


@pytest.mark.loopwright(trials=3, mode="mode-refunds", tags=["refunds", "money"])
@pytest.mark.parametrize("word", ["a", "b"])
def test_refund(word, loopwright_trial, record_property):
    record_property("loopwright.cost_usd", 0.002)
    assert not (NOISY and word == "b" and loopwright_trial == 1)


@pytest.mark.loopwright(trials=2)
class TestAgent:
    @pytest.mark.parametrize("number", range(8))
    def test_many(self, number):
        assert not (BROKEN and number < 6)


@pytest.mark.loopwright(deterministic=True, id="rule", layer="semantic")
def test_rule():
    assert not os.environ.get("RULE")


def test_plain():
    assert not os.environ.get("PLAIN")
"""
SUITE = """
cases:
  - {id: refund, input: Refund my order., trials: 2, checks: [{type: contains, value: refund}], tags: [refunds]}
  - {id: hello, input: Hello., checks: [{type: contains, value: your}]}
  - {id: broken, input: boom, checks: [{type: contains, value: refund}]}
"""
AGENT = """
def answer(input):
    if input == "boom":
        raise OSError("the service is gone")
    return "your refund is on its way"
"""
TRIALS = 23
SOON = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
QUIET = ("-q", "-p", "no:cacheprovider", "-p", "_loopwright_pytest")
APART = ("-p", "xdist")
"""Runs in processes of its own, with workers or without."""


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    """A session in this process, or, with `-p xdist`, in processes of its own; with no plugins but ours."""
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return (pytester.runpytest_subprocess if "xdist" in args else pytester.runpytest_inprocess)(*QUIET, *args)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def agent_tests(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_agent=AGENT_TESTS)
    return pytester


@pytest.fixture
def with_baseline(agent_tests: pytest.Pytester) -> pytest.Pytester:
    run(agent_tests, "--loopwright-out", "base.jsonl").assert_outcomes(passed=TRIALS + 1)
    return agent_tests


@pytest.fixture
def with_suite(pytester: pytest.Pytester) -> pytest.Pytester:
    folder = pytester.mkdir("evals")
    (folder / "shop.yaml").write_text(SUITE, encoding="utf-8")
    (folder / "notes.yaml.txt").write_text("no suite", encoding="utf-8")
    pytester.makepyfile(my_agent=AGENT)
    return pytester


def test_a_run_without_evals_loads_nothing_of_ours_and_says_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_plain():
            assert "_loopwright_pytest" in sys.modules
            assert not [name for name in sys.modules if name.split(".")[0] == "loopwright"]
        """
    )
    pytester.makeconftest(
        """
        import sys

        def pytest_unconfigure():
            assert "loopwright" not in sys.modules
        """
    )
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    done.assert_outcomes(passed=1)
    assert "loopwright gate" not in done.stdout.str() + done.stderr.str()


def test_trials_are_tests_with_ids_of_their_own(agent_tests: pytest.Pytester) -> None:
    done = run(agent_tests, "--collect-only", "-k", "refund or rule")
    assert [line for line in done.outlines if "::" in line] == [
        *(f"test_agent.py::test_refund[{word}-trial{n}]" for word in "ab" for n in range(3)),
        "test_agent.py::test_rule",
    ]
    run(agent_tests, "test_agent.py::test_refund[b-trial1]").assert_outcomes(passed=1)


def test_the_results_are_written_as_the_gate_reads_them(agent_tests: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISY", "1")
    done = run(agent_tests, "--loopwright-out", "out.jsonl", "--loopwright-version", "v8")
    assert done.ret == 1
    made = rows(agent_tests.path / "out.jsonl")
    assert len(made) == TRIALS
    refunds = [row for row in made if row["eval_id"] == "test_agent.py::test_refund[b]"]
    assert [(row["trial"], row["passed"]) for row in refunds] == [(0, True), (1, False), (2, True)]
    assert {(row["mode_id"], row["cost_usd"], tuple(row["tags"]), row["version"]) for row in refunds} == {
        ("mode-refunds", 0.002, ("refunds", "money"), "v8")
    }
    (rule,) = [row for row in made if row["eval_id"] == "rule"]
    assert (rule["deterministic"], rule["layer"]) == (True, "semantic")
    assert len({row["run_id"] for row in made}) == 1


@pytest.mark.parametrize(
    ("broken", "code", "verdict", "workers"),
    [
        ("", 0, "APPROVED", APART),
        ("BROKEN", 1, "BLOCKED", ()),
        ("RULE", 1, "BLOCKED", ()),
        ("PLAIN", 1, "APPROVED", ()),
        ("NOISY", 0, "APPROVED", (*APART, "-n", "2")),
        ("BROKEN", 1, "BLOCKED", (*APART, "-n", "2")),
    ],
)
def test_the_gate_is_the_exit_status(
    with_baseline: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    workers: tuple[str, ...],
    broken: str,
    code: int,
    verdict: str,
) -> None:
    monkeypatch.setenv(broken or "NOTHING", "1")
    done = run(with_baseline, "--loopwright-gate=base.jsonl", *workers)
    assert done.ret == code
    lines = done.outlines
    title = next(index for index, line in enumerate(lines) if "= loopwright gate =" in line)
    assert lines[title + 1].startswith(f"{verdict}  ")
    assert ("1 other test failed" in done.stdout.str()) == (broken == "PLAIN")


@pytest.mark.parametrize("workers", [(), (*APART, "-n", "2")])
def test_a_file_of_quarantines_is_heeded(
    with_baseline: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    monkeypatch.setenv("RULE", "1")
    aside = ["rule", "--owner", "Ben", "--why", "the clock decides it", "--by", "Ada", "--until", SOON, "--file", "q.jsonl"]
    assert main(["gate", "quarantine", "add", *aside]) == 0
    assert run(with_baseline, "--loopwright-gate=base.jsonl").ret == 1
    done = run(with_baseline, "--loopwright-gate=base.jsonl", "--loopwright-quarantine=q.jsonl", *workers)
    assert done.ret == 0, done.stdout.str()
    assert "In quarantine: counted with their mode and the suite" in done.stdout.str()
    monkeypatch.setenv("BROKEN", "1")
    assert run(with_baseline, "--loopwright-gate=base.jsonl", "--loopwright-quarantine=q.jsonl").ret == 1


def test_a_policy_from_the_environment_that_lets_more_through_is_told(
    with_baseline: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPWRIGHT_GATE_ALPHA", "0.01")
    done = run(with_baseline, "--loopwright-gate=base.jsonl")
    assert "more lenient than the policy's file: alpha" in done.stdout.str()


def test_workers_give_the_rows_of_one_process(agent_tests: pytest.Pytester) -> None:
    run(agent_tests, "--loopwright-out", "one.jsonl")
    run(agent_tests, "--loopwright-out", "two.jsonl", *APART, "-n", "2")
    told = [
        [{k: v for k, v in row.items() if k not in ("latency_ms", "run_id")} for row in rows(agent_tests.path / name)]
        for name in ("one.jsonl", "two.jsonl")
    ]
    assert told[0] == told[1]


def test_a_worker_that_dies_leaves_no_verdict_and_no_approval(with_baseline: pytest.Pytester) -> None:
    text = (with_baseline.path / "test_agent.py").read_text(encoding="utf-8")
    died = text.replace('    assert not os.environ.get("RULE")', "    os._exit(3)")
    (with_baseline.path / "test_agent.py").write_text(died, encoding="utf-8")
    done = run(with_baseline, "--loopwright-gate=base.jsonl", "--loopwright-out", "out.jsonl", *APART, "-n", "2")
    assert done.ret != 0
    (rule,) = [row for row in rows(with_baseline.path / "out.jsonl") if row["eval_id"] == "rule"]
    assert (rule["passed"], rule["error"]) == (None, "the test did not end")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--loopwright-gate=none.jsonl",), "none.jsonl does not exist; make it of a session on the released version"),
        (("--loopwright-gate=base.jsonl", "-k", "nothing"), "no eval ran in this session"),
        (("--loopwright-gate=base.jsonl", "-k", "rule"), "of the baseline's 11 cases are missing"),
        (("--loopwright-gate",), "there is no baseline; make a run of the released version it"),
    ],
)
def test_a_check_of_nothing_is_undecided(with_baseline: pytest.Pytester, args: tuple[str, ...], says: str) -> None:
    done = run(with_baseline, *args)
    assert done.ret == 2
    assert says in done.stdout.str()


def test_a_test_that_was_weakened_stands_against_an_approval(with_baseline: pytest.Pytester) -> None:
    file = with_baseline.path / "test_agent.py"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("import os", "# a comment changes nothing\nimport os"), encoding="utf-8")
    assert run(with_baseline, "--loopwright-gate=base.jsonl").ret == 0
    file.write_text(text.replace("assert not (BROKEN and number < 6)", "assert True"), encoding="utf-8")
    done = run(with_baseline, "--loopwright-gate=base.jsonl")
    assert done.ret == 2
    assert "changed since the baseline" in done.stdout.str()


def test_the_stores_baseline(agent_tests: pytest.Pytester) -> None:
    assert run(agent_tests, "--loopwright-gate").ret == 2
    assert main(["gate", "--establish", "--by", "Ada"]) == 0
    done = run(agent_tests, "--loopwright-gate")
    assert done.ret == 0
    assert "APPROVED" in done.stdout.str()


def test_a_suite_is_collected_and_run_against_the_target(with_suite: pytest.Pytester) -> None:
    args = ("--loopwright-suite", "evals", "--loopwright-target", "my_agent:answer", "--loopwright-out", "out.jsonl")
    done = run(with_suite, *args)
    done.assert_outcomes(passed=3, failed=1)
    assert "no verdict" in done.stdout.str()
    assert "the service is gone" in done.stdout.str()
    made = rows(with_suite.path / "out.jsonl")
    assert [(row["eval_id"], row["trial"], row["passed"]) for row in made] == [
        ("broken", 0, None), ("hello", 0, True), ("refund", 0, True), ("refund", 1, True),
    ]  # fmt: skip
    assert "the service is gone" in made[0]["error"]
    assert made[3]["tags"] == ["refunds"]
    assert all(row["case_digest"] and row["suite_digest"] and row["layer"] == "deterministic" for row in made)


@pytest.mark.parametrize(
    ("args", "passed"),
    [
        (("evals/shop.yaml::refund[trial1]",), 1),
        (("evals",), 3),
        ((".",), 3),
        ((*APART, "-n", "2"), 3),
        (("evals/shop.yaml", "evals"), 3),
    ],
)
def test_a_suite_is_collected_once_whatever_is_named(with_suite: pytest.Pytester, args: tuple[str, ...], passed: int) -> None:
    done = run(with_suite, "--loopwright-suite", "evals", "--loopwright-target", "my_agent:answer", *args)
    done.assert_outcomes(passed=passed, failed=int(passed == 3))


def test_without_the_option_a_suite_is_no_test(with_suite: pytest.Pytester) -> None:
    assert run(with_suite).ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--loopwright-gate", "test_agent.py"), "took 'test_agent.py' for a baseline"),
        (("--loopwright-suite", "nowhere", "--loopwright-target", "a:b"), "names 'nowhere', and there is no such file"),
        (("--loopwright-suite", "."), "give --loopwright-target"),
        (("--loopwright-trials", "0"), "run.trials is 0"),
        (("--loopwright-quarantine=q.jsonl",), "give --loopwright-gate too"),
        (("--loopwright-gate=b.jsonl", "--loopwright-quarantine=none.jsonl"), "none.jsonl"),
    ],
)
def test_options_that_cannot_be_followed(agent_tests: pytest.Pytester, args: tuple[str, ...], says: str) -> None:
    done = run(agent_tests, *args)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert says in done.stderr.str()
    assert "Traceback" not in done.stderr.str()


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("trials=0", "trials is 0; give a whole number from 1 to 1000"),
        ("trial=3", "does not take 'trial'; it takes trials, mode"),
        ("3", "does not take 3"),
        ("layer='deep'", "layer is 'deep'; give one of deterministic"),
        ("tags='refunds'", "tags is 'refunds'; give a list"),
        ("deterministic=1.5", "deterministic is 1.5; give True or False"),
    ],
)
def test_a_marker_that_says_what_none_can_is_refused(pytester: pytest.Pytester, marker: str, says: str) -> None:
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.loopwright({marker})\ndef test_a():\n    pass\n")
    done = run(pytester)
    assert done.ret != 0
    assert says in done.stdout.str() + done.stderr.str()


def test_a_suite_that_cannot_be_read_is_an_error_of_collection(with_suite: pytest.Pytester) -> None:
    (with_suite.path / "evals" / "shop.yaml").write_text("cases: [{id: a}]", encoding="utf-8")
    done = run(with_suite, "--loopwright-suite", "evals", "--loopwright-target", "my_agent:answer", "--loopwright-gate=b.jsonl")
    assert done.ret != 0
    assert "shop.yaml" in done.stdout.str()
    assert "UNDECIDED" in done.stdout.str()


def test_phases_skips_and_expected_failures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.loopwright

        @pytest.fixture
        def gone():
            raise OSError("the service is gone")

        @pytest.fixture
        def torn():
            yield
            raise OSError("cannot be closed")

        def test_setup(gone): pass
        def test_teardown(torn): pass
        def test_both(torn): assert False
        @pytest.mark.skip
        def test_skipped(): pass
        @pytest.mark.xfail
        def test_known(): assert False
        @pytest.mark.xfail
        def test_mended(): pass
        """
    )
    run(pytester, "--loopwright-out", "out.jsonl")
    told = {row["eval_id"].rpartition("::")[2]: row for row in rows(pytester.path / "out.jsonl")}
    assert {name: row["passed"] for name, row in told.items()} == {
        "test_setup": None, "test_teardown": None, "test_both": False, "test_known": False, "test_mended": True,
    }  # fmt: skip
    assert "the service is gone" in told["test_setup"]["error"]
    assert "cannot be closed" in told["test_teardown"]["error"]


def test_a_junit_report_of_the_session_says_the_same(agent_tests: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOISY", "1")
    run(agent_tests, "--loopwright-out", "out.jsonl", "--junitxml=out.xml", "-o", "junit_family=xunit2")
    assert ET.parse(agent_tests.path / "out.xml").getroot().tag == "testsuites"
    ours = {(row["eval_id"], row["trial"]): row["passed"] for row in rows(agent_tests.path / "out.jsonl")}
    found = [row for row in FileResultReader(1 << 20).read(str(agent_tests.path / "out.xml")) if isinstance(row, tuple)]
    theirs = {(row["eval_id"], row["trial"]): row["passed"] for _, row in found}
    assert {key: passed for key, passed in theirs.items() if "test_plain" not in key[0]} == ours


def test_what_a_test_prints_is_never_markup(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.loopwright(id='\\x1b[31m[bold]')\ndef test_a():\n    pass\n")
    run(pytester, "--loopwright-out", "base.jsonl")
    done = run(pytester, "--loopwright-gate=base.jsonl")
    assert "\x1b[31m[bold]" not in done.stdout.str()


def test_what_a_test_records_is_taken_where_it_can_be(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.loopwright
        def test_a(record_property):
            for name, value in {"cost_usd": float("nan"), "tokens": "many", "trial": "x", "passed": True, "score": 2}.items():
                record_property(f"loopwright.{name}", value)
            assert False
        """
    )
    run(pytester, "--loopwright-out", "out.jsonl")
    (row,) = rows(pytester.path / "out.jsonl")
    assert (row["passed"], row["trial"], row["score"], "cost_usd" in row, "tokens" in row) == (False, 0, 2.0, False, False)


def test_a_file_that_cannot_be_written_is_one_line(agent_tests: pytest.Pytester) -> None:
    done = run(agent_tests, "--loopwright-out", "nowhere/out.jsonl")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "nowhere/out.jsonl: cannot be written: No such file or directory; name another file" in done.stdout.str()


def test_the_first_try_of_a_test_that_is_tried_again_counts(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.loopwright\ndef test_a():\n    pass\n")
    pytester.makeconftest(
        """
        import pytest
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):  # as pytest-rerunfailures does
            for tried in (1, 2):
                for report in runtestprotocol(item, nextitem=nextitem, log=False):
                    if tried == 1 and report.when == "call":
                        report.outcome = "rerun"
                        item.ihook.pytest_runtest_logreport(report=report)
                        break
                    item.ihook.pytest_runtest_logreport(report=report)
            return True
        """
    )
    run(pytester, "--loopwright-out", "out.jsonl")
    assert [row["passed"] for row in rows(pytester.path / "out.jsonl")] == [False]


def test_two_tests_of_one_id_are_the_same_trials_twice(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.loopwright(id='a')\ndef test_a():\n    pass\n\n"
                        "@pytest.mark.loopwright(id='a')\ndef test_b():\n    pass\n")  # fmt: skip
    run(pytester, "--loopwright-out", "out.jsonl")
    done = run(pytester, "--loopwright-gate=out.jsonl")
    assert done.ret == 2
    assert "more than once" in done.stdout.str()
