"""A decision as GitHub workflow commands: annotations beside the cases that it speaks of.

Source: GitHub's "Workflow commands for GitHub Actions" for the form and the limit of ten errors, ten warnings and ten notices a
step; the runner's `ActionCommandManager` for what is escaped: %, CR and LF in messages, and in properties `:` and `,` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from loopwright.gate.decision import MARGINS, GateDecision, Outcome, Regression
from loopwright.gate.margin_words import rows, told
from loopwright.gate.standing import State, standings
from loopwright.surfaces.reports.gate_junit import Place
from loopwright.surfaces.reports.gate_text import clipped, overridden
from loopwright.wording import counted

MOST = 10
"""So many annotations of a kind are shown by GitHub for one step."""
WIDTH = 800


class _Annotation(NamedTuple):
    level: Literal["error", "warning", "notice"]
    title: str
    message: str
    eval_id: str | None = None


def gate_annotations(decision: GateDecision, places: Mapping[str, Place] | None = None) -> str:
    """Lines of workflow commands: what blocks or is undecided as errors, what may be noise as warnings, an approval as a notice.

    Of each kind the first ten; the rest are counted in one notice. An overridden decision has no errors, only warnings. A case of
    which `places` knows where it stands is annotated there.
    """
    found = list(_annotations(decision))
    if decision.override is not None:
        told = _Annotation("notice", "Gate overridden", overridden(decision.override))
        found = [told, *(a._replace(level="warning") if a.level == "error" else a for a in found)]
    lines, left = [], []
    for level in ("error", "warning", "notice"):
        some = [a for a in found if a.level == level]
        most = MOST - 1 if level == "notice" else MOST
        lines += [_command(a, places or {}) for a in some[:most]]
        left += [counted(len(some) - most, f"more {level}")] if len(some) > most else []
    if left:
        rest = f"{' and '.join(left)}: see the log, or the other reports of the gate"
        lines.append(_command(_Annotation("notice", "Gate: not all is shown", rest), {}))
    return "".join(f"{line}\n" for line in lines)


def _annotations(decision: GateDecision) -> Iterable[_Annotation]:
    outcome = decision.decision or Outcome.UNDECIDED
    if outcome is Outcome.APPROVED:
        yield _Annotation("notice", "Gate approved", decision.message)
    elif outcome is Outcome.UNDECIDED:
        for reason in decision.reasons or (decision.message,):
            yield _Annotation("error", "Gate undecided", f"{reason}.")
    else:
        yield _Annotation("error", "Gate blocked", decision.message)
        yield from _groups(decision)
    kinds = {State.LOST: "Case lost", State.OPEN: "Case undecided"}
    cases = standings(decision)
    for case in cases:
        if case.state is State.LOST:
            yield _Annotation("error", kinds[case.state], f"{case.eval_id}: {case.why}", case.eval_id)
    for case in cases:
        if case.state is State.OPEN:
            yield _Annotation("warning", kinds[case.state], f"{case.eval_id}: {case.why}", case.eval_id)
    yield from _worth_a_look(decision, {case.eval_id for case in cases if case.state is not State.HELD})
    for note in decision.notes:
        yield _Annotation("notice", "Gate", f"{note}.")


def _groups(decision: GateDecision) -> Iterable[_Annotation]:
    """The suite, the modes and the margins that block."""
    blocking = {r.level for r in decision.regressions if isinstance(r, Regression)}
    for row in rows(decision):
        if row["metric"] in blocking:
            yield _Annotation("error", "Margin exceeded", told(row))
    for r in decision.regressions:
        if isinstance(r, Regression) and r.eval_id is None and r.level not in MARGINS:
            what = f"failure mode {r.mode_id}" if r.level == "mode" else "the suite"
            counts = f"{r.before[0]} of {counted(r.before[1], 'trial')} passed before, {r.after[0]} of {r.after[1]} now"
            title = "Failure mode worse" if r.level == "mode" else "Pass rate fell"
            yield _Annotation("error", title, f"{what}: {counts}; chance if nothing changed {r.p_value or 0.0:.2g}")


def _worth_a_look(decision: GateDecision, told: set[str]) -> Iterable[_Annotation]:
    """Solved cases that failed, and, where many cases together are the proof, those that fell."""
    cases = decision.statistics.get("cases") or {}
    found = [("Solved case failed", row) for row in cases.get("suspects") or ()]
    if any(isinstance(r, Regression) and r.level in ("suite", "mode") for r in decision.regressions):
        found += [("Passes less often", row) for row in decision.statistics.get("fell") or ()]
    for title, row in found:
        if row["eval_id"] not in told:
            told.add(row["eval_id"])
            counts = "{} of {} passed before, {} of {} now".format(*row["before"], *row["after"])
            yield _Annotation("warning", title, f"{row['eval_id']}: {counts}, which alone may be noise", row["eval_id"])


def _command(annotation: _Annotation, places: Mapping[str, Place]) -> str:
    place = places.get(annotation.eval_id) if annotation.eval_id is not None else None
    told = {"file": clipped(place.file, WIDTH), "line": str(place.line)} if place is not None else {}
    properties = ",".join(f"{name}={_property(value)}" for name, value in (told | {"title": annotation.title}).items())
    return f"::{annotation.level} {properties}::{_data(clipped(annotation.message, WIDTH))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
