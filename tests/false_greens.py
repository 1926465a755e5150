"""What must never be approved: a check of nothing, or of something else, that a careless gate takes for a pass.

Each entry writes files into a folder and gives the arguments of `loopwright gate`. `GREENS` are the opposite.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Arguments = list[str]
CASES, RUNS = 30, 3


def unchanged(version: str = "v1", runs: int = RUNS, fails: Iterable[int] = (3, 17), **fields: Any) -> list[Row]:
    """Rows of an agent that passes all its cases but two, always."""
    return [
        {"eval_id": f"case-{i:02}", "run_id": f"{version}-{run}", "trial": 0, "passed": i not in set(fails), "version": version}
        | {"suite_digest": "sha256:suite", **fields}
        for run in range(runs)
        for i in range(CASES)
    ]


def write(folder: Path, name: str, rows: Iterable[Row]) -> str:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def sides(folder: Path, before: Iterable[Row], after: Iterable[Row], *more: str) -> Arguments:
    return ["--baseline", write(folder, "before.jsonl", before), "--candidate", write(folder, "after.jsonl", after), *more]


def texts(folder: Path, suffix: str, before: str | bytes, after: str | bytes) -> Arguments:
    """Files of another tool, or broken ones."""
    for name, text in (("before", before), ("after", after)):
        (folder / f"{name}{suffix}").write_bytes(text if isinstance(text, bytes) else text.encode())
    return ["--baseline", str(folder / f"before{suffix}"), "--candidate", str(folder / f"after{suffix}")]


FALSE_GREENS: dict[str, Callable[[Path], Arguments]] = {}
GREENS: dict[str, Callable[[Path], Arguments]] = {}


def _false(name: str) -> Callable[[Callable[[Path], Arguments]], Callable[[Path], Arguments]]:
    def add(made: Callable[[Path], Arguments]) -> Callable[[Path], Arguments]:
        FALSE_GREENS[name] = made
        return made

    return add


def _rows(name: str, change: Callable[[list[Row]], Iterable[Row]], *more: str) -> None:
    """A candidate that is the unchanged agent's rows, changed so."""
    FALSE_GREENS[name] = lambda folder: sides(folder, unchanged(), change(unchanged("v2")), *more)


def _each(**fields: Any) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [row | fields for row in rows]


_rows("empty candidate", lambda rows: [])
_rows("half the cases missing", lambda rows: [row for row in rows if int(row["eval_id"][-2:]) % 2])
_rows("all trials errored", _each(passed=None, error="the target did not answer"))
_rows("all errored, and called passed", _each(passed=True, error="timed out"))
_rows("no verdict and no error", _each(passed=None))
_rows("a quarter errored", lambda rows: [row | ({"passed": None} if i % 4 == 0 else {}) for i, row in enumerate(rows)])
_rows("every trial twice", lambda rows: [*rows, *rows])
_rows("one trial twice", lambda rows: [*rows, rows[0]])
_rows("other cases altogether", lambda rows: [row | {"eval_id": f"new-{row['eval_id']}"} for row in rows])
_rows("files swapped, versions told", _each(version="v1"), "--candidate-version", "v2")
_rows("two versions mixed", lambda rows: [row | {"version": f"v{2 + i % 2}"} for i, row in enumerate(rows)])
_rows("another suite_digest", _each(suite_digest="sha256:another"))
_rows("two suites mixed", lambda rows: [row | {"suite_digest": f"sha256:{i % 2}"} for i, row in enumerate(rows)])
_rows("scores of NaN", _each(score=float("nan")))
_rows("scores of Infinity", _each(score=float("inf")))
_rows("passed as text: true", _each(passed="true"))
_rows("passed as a number: 1", _each(passed=1))
_rows("passed as text: yes", _each(passed="yes"))
_rows("passed left out", lambda rows: [{k: v for k, v in row.items() if k != "passed"} for row in rows])
_rows("trials as text", _each(trial="0"))
_rows("ids of blanks", _each(eval_id=" "))
_rows("repeats alone", lambda rows: [row | {"repeat": True, "trial": 5} for row in rows])
_rows(
    "failing trials called repeats",
    lambda rows: [row | ({"repeat": True, "passed": False} if i < 20 else {}) for i, row in enumerate(rows)],
)
_rows("failing trials left out", lambda rows: [row for i, row in enumerate(rows) if row["passed"] and i % 3])
_rows("four cases left", lambda rows: [row for row in rows if row["eval_id"] < "case-04"])
_rows("no rows of the layer asked for", _each(), "--layer", "behavioral")
_rows("all fails", _each(passed=False))


@_false("files swapped, and the older one tells no version")
def _(folder: Path) -> Arguments:
    untold = [{k: v for k, v in row.items() if k != "version"} for row in unchanged()]
    return sides(folder, unchanged("v2"), untold, "--candidate-version", "v2")


@_false("empty baseline")
def _(folder: Path) -> Arguments:
    return sides(folder, [], unchanged("v2"))


@_false("both empty")
def _(folder: Path) -> Arguments:
    return sides(folder, [], [])


@_false("no candidate file")
def _(folder: Path) -> Arguments:
    return [*sides(folder, unchanged(), [])[:2], "--candidate", str(folder / "absent.jsonl")]


@_false("no baseline file")
def _(folder: Path) -> Arguments:
    return ["--baseline", str(folder / "absent.jsonl"), *sides(folder, [], unchanged("v2"))[2:]]


@_false("baseline passes nothing")
def _(folder: Path) -> Arguments:
    return sides(folder, unchanged(fails=range(CASES)), unchanged("v2", fails=range(CASES)))


@_false("baseline all errored")
def _(folder: Path) -> Arguments:
    return sides(folder, unchanged(passed=None), unchanged("v2"))


@_false("baseline fed twice")
def _(folder: Path) -> Arguments:
    return sides(folder, [*unchanged(), *unchanged()], unchanged("v2"))


@_false("the baseline's file as candidate")
def _(folder: Path) -> Arguments:
    before = sides(folder, unchanged(), [])
    return [*before[:2], "--candidate", before[1]]


@_false("a copy of the baseline's run")
def _(folder: Path) -> Arguments:
    rows = [row | {"run_id": "run-20261101T120000-abc", "latency_ms": 812.5} for row in unchanged(runs=1)]
    return sides(folder, rows, rows)


@_false("one layer alone was run")
def _(folder: Path) -> Arguments:
    layered = [row | {"layer": ("semantic", "behavioral")[int(row["eval_id"][-2:]) % 2]} for row in unchanged()]
    return sides(folder, layered, [row | {"version": "v2"} for row in layered if row["layer"] == "semantic"])


@_false("all fails, all in quarantine")
def _(folder: Path) -> Arguments:
    entry = {"owner": "Ada", "why": "flaky", "until": "2999-01-01", "by": "Ada"}
    file = write(folder, "quarantine.jsonl", [entry | {"eval_id": f"case-{i:02}"} for i in range(CASES)])
    return sides(folder, unchanged(), unchanged("v2", fails=range(CASES)), "--quarantine", file)


@_false("failing cases edited in the suite")
def _(folder: Path) -> Arguments:
    before = [row | {"case_digest": f"sha256:{row['eval_id']}"} for row in unchanged()]
    after = [row | ({"case_digest": "sha256:easier"} if row["eval_id"] < "case-05" else {}) for row in before]
    return sides(folder, before, [row | {"version": "v2", "suite_digest": "sha256:edited"} for row in after])


@_false("failing cases taken out of the suite")
def _(folder: Path) -> Arguments:
    before = [row | {"case_digest": f"sha256:{row['eval_id']}"} for row in unchanged()]
    after = [row | {"version": "v2", "suite_digest": "sha256:cut"} for row in before if row["eval_id"] >= "case-05"]
    return sides(folder, before, after)


@_false("another judge decided")
def _(folder: Path) -> Arguments:
    return sides(folder, unchanged(judge_id="strict"), unchanged("v2", judge_id="kind"))


@_false("a deterministic case without a verdict")
def _(folder: Path) -> Arguments:
    rows = unchanged("v2", deterministic=True)
    return sides(
        folder, unchanged(deterministic=True), [row | ({"passed": None} if row["eval_id"] == "case-09" else {}) for row in rows]
    )


@_false("a deterministic case fails, and says it is none")
def _(folder: Path) -> Arguments:
    rows = unchanged("v2", deterministic=False)
    return sides(
        folder, unchanged(deterministic=True), [row | ({"passed": False} if row["eval_id"] == "case-09" else {}) for row in rows]
    )


@_false("one trial on both sides of six cases")
def _(folder: Path) -> Arguments:
    before, after = ([row for row in unchanged(v, runs=1, fails=()) if row["eval_id"] < "case-06"] for v in ("v1", "v2"))
    return sides(folder, before, after)


@_false("cut off in the middle of a line")
def _(folder: Path) -> Arguments:
    made = sides(folder, unchanged(), unchanged("v2"))
    after = Path(made[3])
    after.write_bytes(after.read_bytes()[:-40])
    return made


@_false("cut off between two lines")
def _(folder: Path) -> Arguments:
    return sides(folder, unchanged(), unchanged("v2")[:20])


@_false("a gzip that is cut off")
def _(folder: Path) -> Arguments:
    data = gzip.compress("".join(json.dumps(row) + "\n" for row in unchanged("v2")).encode())
    return texts(folder, ".jsonl.gz", gzip.compress("".join(json.dumps(r) + "\n" for r in unchanged()).encode()), data[:-30])


@_false("a page of errors in place of results")
def _(folder: Path) -> Arguments:
    made = sides(folder, unchanged(), [])
    Path(made[3]).write_text("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>")
    return made


@_false("an empty list")
def _(folder: Path) -> Arguments:
    made = sides(folder, unchanged(), [])
    Path(made[3]).write_text("[]\n")
    return made


@_false("an empty object")
def _(folder: Path) -> Arguments:
    made = sides(folder, unchanged(), [])
    Path(made[3]).write_text("{}\n")
    return made


_CASE = '<testcase classname="t" name="c{}" time="0.1"/>'
_SKIPPED = '<testcase classname="t" name="c{}"><skipped message="no"/></testcase>'


def _junit(case: str) -> str:
    return f'<testsuites><testsuite name="s">{"".join(case.format(i) for i in range(CASES))}</testsuite></testsuites>'


@_false("JUnit without a test")
def _(folder: Path) -> Arguments:
    return texts(folder, ".xml", _junit(_CASE), "<testsuites/>")


@_false("JUnit with every test skipped")
def _(folder: Path) -> Arguments:
    return texts(folder, ".xml", _junit(_CASE), _junit(_SKIPPED))


@_false("JUnit that ends in the middle")
def _(folder: Path) -> Arguments:
    return texts(folder, ".xml", _junit(_CASE), _junit(_CASE)[:-60])


@_false("JUnit of a run that broke while collecting")
def _(folder: Path) -> Arguments:
    case = '<testcase classname="" name="t"><error message="collection failure"/></testcase>'
    broken = f"<testsuites><testsuite>{case}</testsuite></testsuites>"
    return texts(folder, ".xml", _junit(_CASE), broken)


def _promptfoo(cases: int, **result: Any) -> str:
    rows = [
        {"success": True, "testCase": {"vars": {"q": i}, "assert": [{"type": "equals"}], "metadata": {"id": f"c{i}"}}} | result
        for i in range(cases)
    ]
    return json.dumps(
        {"evalId": f"eval-{cases}-{len(result)}", "results": {"version": 3, "results": rows, "stats": {}}, "config": {}}
    )


@_false("promptfoo, stopped half way")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", _promptfoo(CASES), _promptfoo(CASES // 2))


@_false("promptfoo, the provider failed every time")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", _promptfoo(CASES), _promptfoo(CASES, success=False, error="429", failureReason=2))


@_false("promptfoo, no results")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", _promptfoo(CASES), _promptfoo(0))


def inspect_log(run: str, epochs: int, ran: int, cases: int = CASES, status: str = "success", **sample: Any) -> str:
    """A log of Inspect: so many epochs were to be run, and so many were."""
    samples = [
        {"id": f"c{i}", "epoch": epoch + 1, "input": f"q{i}", "target": "a", "scores": {"match": {"value": "C"}}} | sample
        for epoch in range(ran)
        for i in range(cases)
    ]
    told = {
        "task": "t",
        "run_id": run,
        "dataset": {"samples": CASES, "sample_ids": [f"c{i}" for i in range(CASES)]},
        "config": {"epochs": epochs},
    }
    return json.dumps({"version": 2, "status": status, "eval": told, "plan": {}, "samples": samples})


@_false("Inspect, cancelled after one epoch of three")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", inspect_log("a", 3, 3), inspect_log("b", 3, 1, status="cancelled"))


@_false("Inspect, ended by an error half way")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", inspect_log("a", 1, 1), inspect_log("b", 1, 1, CASES // 2, status="error"))


@_false("Inspect, a scorer that gave nothing")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", inspect_log("a", 2, 2), inspect_log("b", 2, 2, scores={}))


def _deepeval(cases: int, **case: Any) -> str:
    metric = {"name": "Match", "score": 1.0, "success": True}
    rows = [{"name": f"case {i}", "input": f"q{i}", "success": True, "metricsData": [metric]} | case for i in range(cases)]
    return json.dumps({"testCases": rows, "testPassed": cases, "testFailed": 0, "runDuration": float(cases)})


@_false("DeepEval, every metric broke")
def _(folder: Path) -> Arguments:
    broken = {"name": "Match", "score": None, "success": None, "error": "no API key"}
    return texts(folder, ".json", _deepeval(CASES), _deepeval(CASES, success=None, metricsData=[broken]))


@_false("DeepEval, no metric at all")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", _deepeval(CASES), _deepeval(CASES, metricsData=[]))


@_false("DeepEval, stopped half way")
def _(folder: Path) -> Arguments:
    return texts(folder, ".json", _deepeval(CASES), _deepeval(CASES // 2))


_TABLE = "id,passed\n" + "".join(f"c{i},true\n" for i in range(CASES))


@_false("a table with its header alone")
def _(folder: Path) -> Arguments:
    return texts(folder, ".csv", _TABLE, "id,passed\n")


@_false("a table without verdicts")
def _(folder: Path) -> Arguments:
    return texts(folder, ".csv", _TABLE, _TABLE.replace("true", ""))


GREENS["a clean improvement"] = lambda folder: sides(folder, unchanged(), unchanged("v2", fails=()))
GREENS["an unchanged deterministic suite"] = lambda folder: sides(
    folder, unchanged(deterministic=True), unchanged("v2", deterministic=True)
)
GREENS["an unchanged suite with two cases that always fail"] = lambda folder: sides(folder, unchanged(), unchanged("v2"))
GREENS["new cases beside the old ones"] = lambda folder: sides(
    folder,
    unchanged(),
    [*unchanged("v2"), *({"eval_id": f"new-{i}", "run_id": "v2-0", "trial": 0, "passed": False} for i in range(5))],
)
