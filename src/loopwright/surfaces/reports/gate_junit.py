"""A decision as JUnit XML: one test for the decision, the suite, each failure mode and each case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.etree import ElementTree

from loopwright.collect.intake import printable
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.gate.margin_words import rows, told
from loopwright.gate.shape_words import told_shapes
from loopwright.gate.standing import Standing, State, standings
from loopwright.surfaces.reports.gate_text import clipped, overridden
from loopwright.wording import counted

WIDTH = 1000
"""So many characters of a name or a message are kept."""


class Place(NamedTuple):
    """Where a case stands: the file, as the repository names it, and the line."""

    file: str
    line: int


class _Test(NamedTuple):
    """One test case: where it belongs, its name, how it came out (None: it passed), and what is told."""

    group: str
    name: str
    outcome: str | None
    told: str
    place: Place | None = None


def gate_junit(decision: GateDecision, places: Mapping[str, Place] | None = None) -> str:
    """The decision as a JUnit file, in the form that CI services read.

    A regression is a `failure`; what is undecided or missing an `error`; a case that was not compared, or is in quarantine,
    `skipped`. A case of which no loss was shown passes, even where it fails as it did before: the gate looks for losses. The test
    named `decision` is the whole gate's word, so that a file is never green where the gate is not. Where a person overrode the
    decision, what failed is `skipped` and says so.
    """
    tests = [_verdict(decision), *_groups(decision), *_margins(decision), *_cases(decision, places or {})]
    if decision.override is not None:
        why = overridden(decision.override)
        tests = [t._replace(outcome="skipped", told=f"{why} {t.told}") if t.outcome in ("failure", "error") else t for t in tests]
    return _xml(tests, decision)


def _verdict(decision: GateDecision) -> _Test:
    outcome = {Outcome.BLOCKED: "failure", Outcome.UNDECIDED: "error"}.get(decision.decision or Outcome.UNDECIDED)
    return _Test("loopwright.gate", "decision", outcome, " ".join([decision.message, *decision.notes]))


def _groups(decision: GateDecision) -> Iterable[_Test]:
    """The suite, and each mode that was tested."""
    blocked = {(r.level, r.mode_id): r for r in decision.regressions if isinstance(r, Regression)}
    suite = decision.statistics.get("suite")
    if suite:
        told = f"{_of(suite['before'])} passed before, {_of(suite['after'])} now: exact p {suite['p_value']:.3g}"
        told += f" (blocks at {suite['ceiling']:.3g}), mid-p {suite['mid_p_value']:.3g} (at {suite['level']:.3g})"
        told += "".join(f". {line.removesuffix('.')}" for line in told_shapes(suite))
        yield _Test("loopwright.gate", "suite", "failure" if ("suite", None) in blocked else None, told)
    modes = decision.statistics.get("modes") or {"tested": ()}
    for mode in modes["tested"]:
        found = blocked.get(("mode", mode["mode_id"]))
        told = f"{_of(mode['before'])} passed before, {_of(mode['after'])} now: p {mode['adjusted']:.3g} adjusted for the modes"
        if found is not None:
            told = f"{_of(found.before)} passed before, {_of(found.after)} now: chance if nothing changed {found.p_value:.3g}"
        yield _Test("loopwright.gate.modes", mode["mode_id"], "failure" if found is not None else None, told)


def _margins(decision: GateDecision) -> Iterable[_Test]:
    """Each metric that has a margin."""
    outcomes = {"above": "failure", "open": "error", "unmeasured": "error"}
    for row in rows(decision):
        if row["margin"]:
            yield _Test("loopwright.gate.margins", row["metric"], outcomes.get(row["verdict"]), told(row))


_OUTCOMES = {State.LOST: "failure", State.OPEN: "error", State.ASIDE: "skipped"}


def _cases(decision: GateDecision, places: Mapping[str, Place]) -> Iterable[_Test]:
    for case in standings(decision):
        yield _Test(_group(case), case.eval_id, _OUTCOMES.get(case.state), case.why, places.get(case.eval_id))


def _group(case: Standing) -> str:
    return f"loopwright.cases.{case.mode_id}" if case.mode_id else "loopwright.cases"


def _xml(tests: list[_Test], decision: GateDecision) -> str:
    seen = Counter(test.outcome for test in tests)
    counts = {"tests": len(tests), "failures": seen["failure"], "errors": seen["error"], "skipped": seen["skipped"]}
    told = {name: str(count) for name, count in counts.items()}
    root = ElementTree.Element("testsuites", {"name": "loopwright gate", **told})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "loopwright gate", **told, **_when(decision)})
    for test in tests:
        place = {"file": printable(test.place.file), "line": str(test.place.line)} if test.place is not None else {}
        names = {"classname": clipped(test.group, WIDTH), "name": clipped(test.name, WIDTH)}
        made = ElementTree.SubElement(suite, "testcase", names | place)
        if test.outcome is None:
            ElementTree.SubElement(made, "system-out").text = clipped(test.told, WIDTH)
        else:
            what = ElementTree.SubElement(made, test.outcome, {"message": clipped(test.told, WIDTH)})
            if test.outcome != "skipped":
                what.set("type", _TYPES[test.outcome])
                what.text = clipped(test.told, WIDTH)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


_TYPES = {"failure": "regression", "error": "undecided"}


def _when(decision: GateDecision) -> dict[str, str]:
    run = decision.candidate
    return {"timestamp": f"{run.finished_at:%Y-%m-%dT%H:%M:%S}"} if run is not None and run.finished_at is not None else {}


def _of(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counted(counts[1], 'trial')}"
