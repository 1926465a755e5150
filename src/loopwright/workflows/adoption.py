"""Adoption: from evidence, at which of the source's five stages a user is, and the one next step.

The stages are those of the source's adoption path; each stands on the ones before it, so that a user is at the first one that
is not complete, however much of a later one is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from loopwright.errors import LoopwrightError, without_credentials
from loopwright.evaluate.case import Suite
from loopwright.ports import HarnessFile, Store, StoreFactory, Target
from loopwright.wording import counted
from loopwright.workflows.hand_edits import hand_edits
from loopwright.workflows.triage import ACCEPTED, REJECTED

IMPROVE = "improve"
"""The loop's stage that looks for harness improvements."""

ENOUGH_CASES = 20
"""The source's first stage asks for 20 to 30 cases."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a user has, as counts.

    `cases` are the suite's approved cases, `grown` those of them that came from a failure in production. `own_target` says that
    the agent under test is not the scaffolded example; `ci` names the CI files that run the gate. `sought` says that somebody, or
    the loop, looked for harness improvements; `reviewed` are the proposals that a person decided on.
    """

    own_target: bool = False
    cases: int = 0
    grown: int = 0
    runs: int = 0
    traces: int = 0
    failures: int = 0
    modes: int = 0
    triaged: int = 0
    ci: tuple[str, ...] = ()
    baseline: int = 0
    gated: int = 0
    sought: bool = False
    proposals: int = 0
    reviewed: int = 0
    releases: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is still to be done for a stage, and the command for it."""

    what: str
    command: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the five stages: what speaks for it, and its first missing step, None when it is complete."""

    number: int
    name: str
    evidence: str
    step: Step | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.step is None


@dataclass(frozen=True, slots=True)
class AdoptionStage:
    """Where a user is: the first stage that is not complete, or the last; why; and the one next step."""

    number: int
    name: str
    why: str
    next: Step
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `ok` is False where it is broken, None where it is not there, which is no fault."""

    name: str
    ok: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Something that is not there, and why; that is no fault."""

    why: str = "not there yet"


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was looked at. `adoption` is None where the suite or the store is broken, so that nothing can be counted."""

    findings: tuple[Finding, ...]
    evidence: Evidence | None = None
    adoption: AdoptionStage | None = None

    @property
    def broken(self) -> tuple[Finding, ...]:
        """What has to be mended."""
        return tuple(finding for finding in self.findings if finding.ok is False)


async def examine(
    looks: Mapping[str, Callable[[], str | Absent]],
    target: Callable[[], Target | None],
    load_suite: Callable[[], Suite | None],
    store: StoreFactory,
    evidence: Evidence,
    harness: HarnessFile | None = None,
) -> Examination:
    """Look at everything, then count.

    `looks` are the things to look at, by name (see `look`). The target is opened, not called; `target` and `load_suite` give None
    where there is none yet. `harness` is held against what the store has on record. `evidence` holds what neither the suite nor
    the store knows: whose agent is under test, and what CI runs.
    """
    findings = [*(look(name, at) for name, at in looks.items()), await _look_at_target(target)]
    try:
        suite = load_suite()
        findings.append(_found("suite", Absent() if suite is None else counted(len(suite.cases), "approved case")))
    except LoopwrightError as error:
        return Examination((*findings, _fault("suite", error)))
    try:
        with store() as opened:
            known = gather(opened, suite or Suite(), evidence)
            findings += [] if harness is None else _look_at_harness(opened, harness)
            findings.append(_found("store", f"{opened.url}, {counted(known.traces, 'trace')}"))
    except LoopwrightError as error:
        return Examination((*findings, _fault("store", error)))
    return Examination(tuple(findings), known, stage(known))


def stage(evidence: Evidence) -> AdoptionStage:
    """The stage that the evidence shows."""
    stages = tuple(
        Stage(number, name, told(evidence), step(evidence)) for number, (name, told, step) in enumerate(_STAGES, start=1)
    )
    at = next((s for s in stages if not s.complete), stages[-1])
    if at.step is None:
        return AdoptionStage(at.number, at.name, "all five stages are complete", _WEEKLY, stages)
    return AdoptionStage(at.number, at.name, at.evidence, at.step, stages)


def gather(store: Store, suite: Suite, known: Evidence) -> Evidence:
    """What is known, with what the suite and the store hold counted."""
    proposals = store.proposals()
    return replace(
        known,
        cases=len(suite.cases),
        grown=sum(1 for case in suite.cases if case.mode_id or case.source_trace_ids),
        runs=sum(1 for run in store.runs() if run.finished_at is not None),
        traces=store.count_traces(),
        failures=len(store.failures()),
        modes=sum(1 for mode in store.modes() if mode.size),
        triaged=sum(1 for entry in store.audit() if entry.action in (ACCEPTED, REJECTED)),
        baseline=len(store.baseline()),
        gated=sum(1 for decision in store.decisions() if decision.baseline_run_id is not None),
        sought=bool(proposals) or IMPROVE in store.loop_steps(),
        proposals=len(proposals),
        reviewed=sum(1 for record in proposals if record.decided_by is not None),
        releases=len(store.releases()),
    )


def look(name: str, at: Callable[[], str | Absent]) -> Finding:
    """Look at one thing: `at` says what was found, or why nothing was, and raises where it is broken."""
    try:
        return _found(name, at())
    except LoopwrightError as error:
        return _fault(name, error)


def _look_at_harness(store: Store, file: HarnessFile) -> list[Finding]:
    """What of a harness that can be read is not what was decided; nothing where all of it is."""
    edits = [edit for edit in hand_edits(store, file) if edit.guard]
    wrong = [edit for edit in edits if not edit.harmless]
    told = "; ".join(map(str, wrong or edits))
    return [Finding("harness on record", not wrong, f"{file.path}: {told}")] if edits else []


async def _look_at_target(target: Callable[[], Target | None]) -> Finding:
    try:
        made = target()
        if made is None:
            return _found("target", Absent())
        try:
            await made.open()
        finally:
            await made.close()
    except LoopwrightError as error:
        return _fault("target", error)
    return _found("target", made.name)


def _found(name: str, detail: str | Absent) -> Finding:
    return Finding(name, None, detail.why) if isinstance(detail, Absent) else Finding(name, True, without_credentials(detail))


def _fault(name: str, error: LoopwrightError) -> Finding:
    return Finding(name, False, without_credentials(" ".join(str(error).split())))


_WEEKLY = Step("review what recurs, every week", "loopwright triage")


def _manual_evals(e: Evidence) -> Step | None:
    if e.cases == 0:
        return Step("write the first cases", "loopwright init")
    if e.runs == 0:
        return Step("run the suite", "loopwright run")
    if not e.own_target:
        return Step("name your own agent under [target] in loopwright.toml, and replace the example cases", "loopwright run")
    if e.cases < ENOUGH_CASES:
        return Step(f"write {counted(ENOUGH_CASES - e.cases, 'more case')} from what you test by hand", "loopwright run")
    return None


def _failure_logging(e: Evidence) -> Step | None:
    if e.traces == 0:
        return Step("bring in traces from production", "loopwright import FILE")
    return Step("find the failures among them", "loopwright mine") if e.failures == 0 else None


def _triage(e: Evidence) -> Step | None:
    if e.triaged == 0:
        return Step("decide on what recurs", "loopwright triage") if e.modes else Step("group the failures", "loopwright cluster")
    return None if e.ci else Step("run the suite in CI", "loopwright init")


def _clustering(e: Evidence) -> Step | None:
    if e.modes == 0:
        return Step("group the failures", "loopwright cluster")
    return None if e.grown else Step("approve a case that was drafted from a failure mode", "loopwright review")


def _gating(e: Evidence) -> Step | None:
    if e.baseline == 0:
        return Step("make a run the baseline", "loopwright gate --establish")
    if e.gated == 0:
        return Step("gate a release", "loopwright gate")
    if not e.sought:
        return Step("have harness improvements looked for", "loopwright loop")
    if e.proposals and e.reviewed == 0:
        return Step("review the proposals", "loopwright review")
    return None if e.releases else Step("record what ships, and see what it does", "loopwright release record VERSION")


_STAGES: tuple[tuple[str, Callable[[Evidence], str], Callable[[Evidence], Step | None]], ...] = (
    (
        "manual evals",
        lambda e: f"{counted(e.cases, 'case')} of at least {ENOUGH_CASES}, {counted(e.runs, 'finished run')}",
        _manual_evals,
    ),
    (
        "structured failure logging",
        lambda e: f"{counted(e.traces, 'trace')}, {counted(e.failures, 'failure')} found",
        _failure_logging,
    ),
    (
        "failure triage and manual eval growth",
        lambda e: f"{counted(e.triaged, 'triage decision')}, CI: {', '.join(e.ci) or 'none'}",
        _triage,
    ),
    (
        "automated clustering",
        lambda e: f"{counted(e.modes, 'failure mode')}, {counted(e.grown, 'approved case')} from failures",
        _clustering,
    ),
    (
        "regression gating and harness improvement proposals",
        lambda e: (
            f"{counted(e.baseline, 'baseline run')}, {counted(e.gated, 'gate decision')}, "
            f"{e.reviewed} of {counted(e.proposals, 'proposal')} reviewed, {counted(e.releases, 'release')}"
        ),
        _gating,
    ),
)
