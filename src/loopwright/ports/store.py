"""The store: a protocol for each group of what is kept, and the whole of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from loopwright.gate.decision import GateDecision
from loopwright.ports.spans import SpanStore

if TYPE_CHECKING:
    from loopwright.audit.entry import AuditEntry
    from loopwright.audit.trail import Trail
    from loopwright.cluster.mode import FailureMode, Membership, ModeDescription, Recipe
    from loopwright.collect.business import BusinessEvent
    from loopwright.collect.joining import GivenFeedback
    from loopwright.collect.trace import Trace
    from loopwright.evaluate.case import CaseStatus, EvalCase
    from loopwright.evaluate.queue import Queued
    from loopwright.evaluate.result import EvalResult, Run
    from loopwright.gate.override import Override
    from loopwright.gate.quarantine import Quarantine
    from loopwright.improve.proposal import HarnessChange, Proposal, ProposalRecord, ProposalStatus, Verification
    from loopwright.judge.verdict import Label, Verdict
    from loopwright.mine.signal import FailureTrace
    from loopwright.ports.running import RunLog
    from loopwright.release.record import Release
    from loopwright.watch.finding import AcceptedInputs, DriftFinding


@dataclass(frozen=True, slots=True)
class PutCounts:
    """What a write did: rows new, rows already there unchanged, and ids refused since they hold other content.

    Of feedback, `waiting` are the ids of what was given, now or before, on a trace that has not come.
    """

    new: int = 0
    unchanged: int = 0
    conflicts: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A gate decision as recorded. `inputs` is a digest of all that it rests on.

    `candidate_run_id` is None where nothing was decided on the run itself, since it was not of the agent as it was by then.
    """

    decision_id: str
    decision: GateDecision
    decided_at: datetime
    baseline_run_id: str | None = None
    candidate_run_id: str | None = None
    inputs: str = ""


@dataclass(frozen=True, slots=True)
class LoopStep:
    """A stage of the loop that was done: the digest of its inputs, when, and what came of it in counts and short texts."""

    stage: str
    inputs: str
    at: datetime
    summary: dict[str, Any] = field(default_factory=dict)


class TraceStore(Protocol):
    """Traces, by id. Writing the same trace twice changes nothing."""

    def put_traces(self, traces: Sequence[Trace]) -> PutCounts:
        """Write a batch in one transaction."""

    def trace(self, trace_id: str) -> Trace | None:
        """One trace."""

    def traces(self) -> Iterator[Trace]:
        """All traces, in the order in which they arrived."""

    def newest_traces(self, limit: int) -> list[Trace]:
        """The last `limit` traces that arrived, in the order in which they did."""

    def count_traces(self) -> int:
        """How many traces there are."""


class FeedbackStore(Protocol):
    """Feedback given by itself. None is ever lost: what has no trace yet waits for it."""

    def put_feedback(self, given: Sequence[GivenFeedback]) -> PutCounts:
        """Keep feedback and join it with the stored traces, in one transaction; the same again changes nothing."""

    def with_feedback(self, trace: Trace) -> Trace:
        """A trace that the store has no current form of, with the feedback that was given on it or on a part of it."""

    def waiting_feedback(self) -> list[GivenFeedback]:
        """What was given on traces, spans, responses and sessions that have not come."""


class FailureStore(Protocol):
    """Failures, modes and who belongs where."""

    def replace_failures(self, failures: Sequence[FailureTrace], seen: int | None = None) -> None:
        """Write the result of mining; a failure no longer found keeps its row with score 0.

        `seen` is the mark up to which changes were read (`SpanStore.changed_since`); without it, all that there is was mined.
        """

    def failures(self) -> list[FailureTrace]:
        """All with a score above 0, best first."""

    def put_modes(self, modes: Sequence[FailureMode], memberships: Sequence[Membership], recipe: Recipe | None = None) -> None:
        """Write the result of a clustering and how it was done; status given by a person is kept, a mode is never deleted."""

    def recipe(self) -> Recipe | None:
        """How the latest clustering was done; None where there was none, or that was not told."""

    def modes(self) -> list[FailureMode]:
        """All modes, best first; last come those that the latest clustering did not find, with size and score 0."""

    def memberships(self) -> list[Membership]:
        """The current place of every clustered failure."""

    def describe_mode(self, described: ModeDescription) -> None:
        """Keep a model's description of a mode; `modes` gives it from then on, whatever is clustered again."""

    def set_mode_status(self, mode_id: str, status: str, by: str | None = None, at: datetime | None = None) -> None:
        """Record a person's decision about a mode, in the audit trail too where `by` and `at` are given.

        Raises `UsageError` for an unknown id or status.
        """


class CaseStore(Protocol):
    """Drafted cases, and what people said about them. None is ever deleted, nor any version of its content."""

    def put_cases(self, cases: Sequence[EvalCase]) -> PutCounts:
        """Write cases. One that nobody decided on takes the new content (counted as new).

        One that a person decided on is kept as it is, and is among the conflicts where the content given differs.
        """

    def cases(self, status: CaseStatus | str | None = None) -> list[EvalCase]:
        """All cases, or those of a status, in the order in which they first came."""

    def set_case_status(self, case_id: str, status: CaseStatus | str, by: str, at: datetime) -> None:
        """Record a person's decision about a case, in the audit trail too; raises `UsageError` for an unknown id or status."""


class RunStore(Protocol):
    """Runs, their results as they come, the baseline and the decisions."""

    def put_run(self, run: Run) -> None:
        """Write a run, or its new end time."""

    def run(self, run_id: str) -> Run | None:
        """One run."""

    def runs(self) -> list[Run]:
        """All runs, oldest first."""

    def put_result(self, result: EvalResult) -> None:
        """Write one trial, durably; the same (run_id, eval_id, trial) again replaces nothing."""

    def results(self, run_id: str) -> list[EvalResult]:
        """All trials of a run."""

    def set_baseline(self, run_ids: Sequence[str], by: str, at: datetime, **details: Any) -> None:
        """Make these runs the baseline, under a named person; recorded in the audit trail, with the `details`."""

    def baseline(self) -> list[str]:
        """The run ids of the baseline, oldest first; empty when none was established."""

    def put_decision(self, decision: StoredDecision) -> None:
        """Record a decision."""

    def decisions(self) -> list[StoredDecision]:
        """All decisions, oldest first."""


class ExceptionStore(Protocol):
    """Exceptions from the gate's rule, each under a name and in the audit trail. None is ever deleted."""

    def put_quarantine(self, entry: Quarantine) -> None:
        """Add an entry; of several on a case the last counts."""

    def quarantines(self) -> list[Quarantine]:
        """All entries, in the order in which they were made."""

    def put_override(self, override: Override) -> None:
        """Write an override, or that it was withdrawn; raises `UsageError` for an unknown decision, `StoreError` otherwise."""

    def overrides(self) -> list[Override]:
        """All overrides as they stand, in the order in which they were made."""


class ReleaseStore(Protocol):
    """Releases, and the failures that wait for an eval. None is ever deleted."""

    def put_release(self, release: Release) -> None:
        """Write a release, or that it was rolled back; raises `StoreError` for any other change of one."""

    def releases(self) -> list[Release]:
        """All releases, oldest first."""

    def put_queued(self, items: Sequence[Queued]) -> PutCounts:
        """Add failures to the queue; one that is there, or was, changes nothing."""

    def queue(self) -> list[Queued]:
        """All that was ever queued, in the order in which it came."""

    def set_taken(self, items: Sequence[Queued]) -> None:
        """Write when and by whom these were taken; raises `StoreError` for one that is not queued, or was taken before."""

    def count_unmined(self) -> int:
        """How many traces came or changed since the last mining."""


class LoopStore(Protocol):
    """How far the loop got."""

    def put_loop_step(self, step: LoopStep) -> None:
        """Note that a stage was done; it replaces the time before."""

    def loop_steps(self) -> dict[str, LoopStep]:
        """The last time of each stage, by its name."""


class ProposalStore(Protocol):
    """Proposals, what was measured of them, what people decided, and what became of the harness. None is ever deleted."""

    def put_proposals(self, proposals: Sequence[Proposal]) -> PutCounts:
        """Write proposals; one that a person decided on is kept as it is, and a conflict where the content given differs."""

    def proposals(self, status: ProposalStatus | None = None) -> list[ProposalRecord]:
        """All proposals with their verifications, or those of a status, in the order in which they first came."""

    def put_verification(self, proposal_id: str, verification: Verification) -> None:
        """Add a verification; an open proposal becomes verified. Raises `UsageError` for an unknown id."""

    def set_proposal_status(
        self, proposal_id: str, status: ProposalStatus, by: str, at: datetime, why: str = "", **details: Any
    ) -> None:
        """Record a person's decision, in the audit trail too, with the `details`; raises `UsageError` for an unknown id."""

    def put_harness_change(self, change: HarnessChange) -> None:
        """Record a write of the harness; raises `UsageError` for an unknown proposal."""

    def harness_changes(self) -> list[HarnessChange]:
        """Every write of the harness, oldest first."""

    def verification_log(self) -> RunLog:
        """Where verifications keep their trials, apart from the runs of the suite."""


class AuditStore(Protocol):
    """The audit trail: append only."""

    def append_audit(self, at: datetime, actor: str, action: str, subject: str, details: dict[str, Any]) -> AuditEntry:
        """Chain and write an entry."""

    def audit(self) -> list[AuditEntry]:
        """All entries, oldest first; raises `StoreError` where one cannot be read as it was written."""

    def trail(self) -> Trail:
        """The entries as they are found, with the head recorded beside them, for `audit.trail.breaks` to judge."""


@runtime_checkable
class JudgeStore(Protocol):
    """What judges and people said of the same items; of one judge or person and one item the latest counts."""

    def put_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Write verdicts."""

    def verdicts(self, judge_id: str | None = None) -> list[Verdict]:
        """The latest verdict of each judge, or of one, on each item, in the order in which items were first judged."""

    def verdict_history(self) -> list[Verdict]:
        """Every verdict that was ever written, in the order in which they were."""

    def put_labels(self, labels: Sequence[Label]) -> None:
        """Write labels, and in the audit trail how many each person gave."""

    def labels(self) -> list[Label]:
        """The latest label of each person on each item, in the order in which items were first labelled."""


class WatchStore(Protocol):
    """What watching keeps. None of it is ever deleted."""

    def put_events(self, events: Sequence[BusinessEvent]) -> PutCounts:
        """Write business events; one that is there changes nothing."""

    def events(self) -> list[BusinessEvent]:
        """All business events, in order of time."""

    def put_findings(self, findings: Sequence[DriftFinding]) -> list[DriftFinding]:
        """Record drifts; returns those that were not there, the others stay as they were first found."""

    def findings(self) -> list[DriftFinding]:
        """All drifts, in the order in which they were found."""

    def accept_inputs(self, accepted: AcceptedInputs) -> None:
        """Record that a person took inputs into the reference, in the audit trail too."""

    def accepted_inputs(self) -> list[AcceptedInputs]:
        """All such decisions, oldest first."""


class Store(
    TraceStore, FeedbackStore, FailureStore, CaseStore, RunStore, ExceptionStore, AuditStore, LoopStore, ReleaseStore,
    JudgeStore, ProposalStore, WatchStore, SpanStore, Protocol,
):  # fmt: skip
    """The whole store; a context manager that closes at its end."""

    @property
    def url(self) -> str:
        """Where it is, without credentials."""

    def transaction(self) -> AbstractContextManager[None]:
        """All that is written within is written together at its end, or, after an exception or a kill, not at all.

        It belongs to the thread that began it, whose reads within see what was written. Wait for nothing within: other writers
        wait for its end.
        """

    def close(self) -> None:
        """Release connections."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


StoreFactory = Callable[[], Store]
