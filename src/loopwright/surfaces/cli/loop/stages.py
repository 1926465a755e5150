"""What the loop does at each turn, and what each stage's result depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loopwright import wiring
from loopwright.cluster.mode import ModeStatus
from loopwright.evaluate.case import Suite
from loopwright.evaluate.sealed import open_part
from loopwright.judge.rubric import TRACE_RUBRIC
from loopwright.ports import Progress, Store, SuiteFiles
from loopwright.settings import Settings
from loopwright.surfaces.cli.terminal import note
from loopwright.wiring import collecting
from loopwright.workflows import judging
from loopwright.workflows.clustering import cluster_store
from loopwright.workflows.drafting import draft_from_store
from loopwright.workflows.importing import import_spans
from loopwright.workflows.improving import current, detect_store
from loopwright.workflows.judging import Judging, judge_as_known, judge_store
from loopwright.workflows.looping import LoopStage
from loopwright.workflows.mining import mine_store
from loopwright.workflows.reviewing import waiting
from loopwright.workflows.running import UNVERSIONED
from loopwright.workflows.triage import Desk
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, recent_traces, verify_proposal
from loopwright.workflows.watching import watch_store


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn works on: the store, the suite, the settings, and the files or folders that traces come from."""

    store: Store
    settings: Settings
    sources: Sequence[str]
    progress: Progress

    @property
    def files(self) -> SuiteFiles:
        """The suite's files."""
        return wiring.suite_files(self.settings)

    @property
    def folder(self) -> str:
        """The suite's folder."""
        return str(self.settings.path("suite.folder"))

    @property
    def has_suite(self) -> bool:
        """Whether the suite's folder is there."""
        return self.settings.path("suite.folder").is_dir()

    def desk(self) -> Desk:
        """What a review of this project works on."""
        return Desk(self.store, self.files, self.folder, self.has_suite)

    def suite(self) -> Suite:
        """The open part of the approved suite: what may be tuned on."""
        if not self.has_suite:
            return Suite()
        return open_part(self.files.load([self.folder]), self.settings["suite.sealed_share"])


def stages(turn: Turn) -> list[LoopStage]:
    """Every stage that needs no person; those that need a source, a judge or a target are there where it is named."""
    named = {
        "collect": bool(turn.sources),
        "judge": bool(turn.settings["judge.model"]),
        "verify": bool(turn.settings["target.url"]),
    }
    found = [
        LoopStage(
            "collect", "new traces come in", lambda: tuple(_mark(Path(source)) for source in turn.sources), _Work(turn).collect
        ),
        LoopStage("judge", "a model judges a sample", lambda: (_traces(turn), _judge(turn)), _Work(turn).judge),
        LoopStage("mine", "traces become ranked failures", lambda: _signals(turn), _Work(turn).mine),
        LoopStage("cluster", "failures become failure modes", lambda: _failures(turn), _Work(turn).cluster),
        LoopStage("draft", "failure modes get draft cases", lambda: _modes(turn), _Work(turn).draft),
        LoopStage("improve", "failure patterns become proposals", lambda: (_traces(turn),), _Work(turn).improve),
        LoopStage("verify", "proposals are tried on the agent", lambda: _unverified(turn), _Work(turn).verify),
        LoopStage(
            "watch", "three drifts are told apart", lambda: (_failures(turn), _modes(turn), _watched(turn)), _Work(turn).watch
        ),
        LoopStage("review", "what waits for a person", lambda: _waiting(turn), _Work(turn).review),
    ]
    return [_of_this_version(stage) for stage in found if named.get(stage.name, True)]


def _of_this_version(stage: LoopStage) -> LoopStage:
    """A stage is done again after an upgrade, which may find more."""
    return replace(stage, inputs=lambda: (version("loopwright"), *stage.inputs()))


def _mark(source: Path) -> tuple[Any, ...]:
    """What tells whether a file or folder changed: names, sizes and times. Standard input is new every time."""
    files = sorted(file for file in source.rglob("*") if file.is_file()) if source.is_dir() else [source]
    seen = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    return tuple(seen) or (str(source), wiring.clock().now())


def _traces(turn: Turn) -> tuple[Any, ...]:
    newest = turn.store.newest_traces(1)
    return turn.store.count_traces(), newest[0].trace_id if newest else None


def _judge(turn: Turn) -> tuple[Any, ...]:
    return turn.settings["judge.model"], turn.settings["judge.sample"]


def _signals(turn: Turn) -> tuple[Any, ...]:
    verdicts = turn.store.verdicts()
    policy = wiring.watch_policy(turn.settings)
    return _traces(turn), wiring.detectors().names(), len(verdicts), len(turn.store.events()), policy


def _failures(turn: Turn) -> tuple[Any, ...]:
    options = wiring.cluster_options(turn.settings)
    return tuple((f.trace_id, round(f.score, 6), f.failure_reason) for f in turn.store.failures()), options


def _modes(turn: Turn) -> tuple[Any, ...]:
    covered = [(case.id, case.mode_id) for case in turn.files.load([turn.folder]).cases] if turn.has_suite else []
    return tuple((m.mode_id, m.size, m.status) for m in turn.store.modes()), tuple(covered)


def _unverified(turn: Turn) -> tuple[Any, ...]:
    open_ones = [r.proposal.proposal_id for r in current(turn.store.proposals()) if r.decided_by is None]
    return turn.settings["target.url"], tuple(open_ones), turn.suite().digest


def _watched(turn: Turn) -> tuple[Any, ...]:
    events = turn.store.events()
    known = [release.release_id for release in turn.store.releases() if release.live]
    accepted = [(one.start, one.end) for one in turn.store.accepted_inputs()]
    return _traces(turn), len(events), known, accepted, wiring.watch_policy(turn.settings)


def _waiting(turn: Turn) -> tuple[Any, ...]:
    statuses = [(r.proposal.proposal_id, r.status) for r in turn.store.proposals()]
    return _modes(turn), tuple(statuses), tuple((case.id, case.status) for case in turn.store.cases())


class _Work:
    """The stages' work; each may be done again, and changes nothing then."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._store = turn.store
        self._settings = turn.settings

    async def collect(self) -> dict[str, Any]:
        before = self._store.count_traces()
        reader, settling = wiring.trace_reader(self._settings, keep_key=True), collecting.settling()
        intake = await import_spans(
            reader, self._turn.sources, store=self._store, settling=settling, progress=self._turn.progress
        )
        return {"new traces": self._store.count_traces() - before, "refused": intake.rejected_count}

    async def judge(self) -> dict[str, Any]:
        name = str(self._settings["judge.model"])
        request = Judging(self._settings["judge.sample"], TRACE_RUBRIC, self._settings["judge.budget_usd"])
        bench = judging.Bench(
            judge_as_known(self._store, name),
            wiring.model(name, self._settings),
            wiring.clock(),
            self._settings["judge.concurrency"],
        )
        judged = await judge_store(self._store, request, bench, self._turn.progress)
        failed = sum(verdict.passed is False for verdict in judged.verdicts)
        return {"judged": len(judged.verdicts), "failed": failed, "left for the budget": judged.left}

    async def mine(self) -> dict[str, Any]:
        quiet = timedelta(seconds=self._settings["collect.session_quiet_seconds"])
        policy, now = wiring.watch_policy(self._settings), wiring.clock().now()
        mined = await mine_store(self._store, list(wiring.detectors()), policy=policy, at=now, session_quiet=quiet)
        return {"failures": len(mined.failures), "of traces": len(mined.failures) + len(mined.sound)}

    async def cluster(self) -> dict[str, Any]:
        options, now = wiring.cluster_options(self._settings), wiring.clock().now()
        clustering = await cluster_store(self._store, wiring.embedder(self._settings, note), options, now)
        alone = sum(member.mode_id is None for member in clustering.memberships)
        return {"failure modes": len(clustering.modes), "one-offs": alone}

    async def draft(self) -> dict[str, Any]:
        if not any(m.status in (ModeStatus.OPEN, ModeStatus.ACCEPTED) for m in self._store.modes()):
            return {"drafts": 0}
        drafted = await draft_from_store(self._store, self._turn.files, self._turn.folder, has_suite=self._turn.has_suite)
        admitted = sum(not case.not_admitted for case in drafted.cases)
        return {"drafts": len(drafted.cases), "admitted": admitted}

    async def improve(self) -> dict[str, Any]:
        found = await detect_store(self._store)
        told = {"proposals": len(found.proposals), "refused": len(found.refused)}
        return told | ({"detector failures": len(found.faults)} if found.faults else {})

    async def verify(self) -> dict[str, Any]:
        target_with = wiring.target_with(str(self._settings["target.url"]), self._settings)
        executor, clock, limit = wiring.executor(self._settings), wiring.clock(), wiring.checks_limit()
        bench = VerifyBench(self._store, target_with, executor, clock, limit, recent_traces(self._store))
        verdicts: dict[str, Any] = {}
        for record in current(self._store.proposals()):
            if record.decided_by is not None or record.verification is not None:
                continue
            request = VerifyRequest(
                record.proposal,
                self._turn.suite(),
                wiring.repository(self._settings).head() or UNVERSIONED,
                self._settings["improve.trials"],
                self._settings["run.timeout"],
                tables=wiring.harness_file(self._settings).tables(),
                policy=wiring.verify_policy(self._settings),
                max_trials=self._settings["improve.max_trials"],
            )
            found = await verify_proposal(request, bench, self._turn.progress)
            verdicts[record.proposal.kind.value] = found.verdict
        return verdicts or {"proposals": 0}

    async def watch(self) -> dict[str, Any]:
        embedder, policy = wiring.embedder(self._settings, note), wiring.watch_policy(self._settings)
        report = await watch_store(self._store, embedder, policy, wiring.clock().now())
        return {"new findings": len(report.new)} | {finding.kind.value: finding.summary for finding in report.new}

    async def review(self) -> dict[str, Any]:
        items = await waiting(self._turn.desk())
        counts: dict[str, Any] = {}
        for item in items:
            counts[item.kind] = counts.get(item.kind, 0) + 1
        return counts or {"waiting": 0}
