"""The suite and its gate, the six proposals, the release, and what became of the failure modes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

from loopwright import wiring
from loopwright.collect.trace import Trace
from loopwright.effects import CallTarget, TargetReply
from loopwright.evaluate.case import Check, EvalCase, Layer, Suite
from loopwright.evaluate.writing import render
from loopwright.examples.airline.defects import ALL, Defects
from loopwright.examples.airline.returning import returning
from loopwright.examples.airline.scenario import Scenario
from loopwright.examples.airline.setup import Setup
from loopwright.examples.airline.target import AirlineTarget
from loopwright.gate.naive import naive_regressions
from loopwright.guards.catalogue import build
from loopwright.guards.harness import Harness
from loopwright.improve.proposal import Effect, Proposal, ProposalKind, ProposalRecord, ProposalStatus, Verification
from loopwright.ports import HarnessTables, Target
from loopwright.surfaces.cli.demo.production import (
    FIRST,
    LATER_WEEKS,
    SECOND,
    WEEKS,
    mine_and_cluster,
    produce,
    show_watched,
    show_weeks,
    watch,
)
from loopwright.surfaces.cli.demo.stage import PERSON, START, Stage, World, clip
from loopwright.surfaces.cli.terminal import say, table
from loopwright.wiring.gating import gate_policy
from loopwright.wording import counted, percent
from loopwright.workflows.establishing import Signed, establish_run
from loopwright.workflows.gating import gate_store
from loopwright.workflows.improving import Decision, apply_proposal, current, decide_proposal, detect_store, find_proposal
from loopwright.workflows.releasing import ReleaseRequest, effect_of, find_release, record_release
from loopwright.workflows.running import Bench, RunReport, RunRequest, run_suite
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, recent_traces, verify_proposal

SCENARIOS = 60
COME_BACK = 20
TRIALS = 5
LOOK = 3
"""Trials of each case by which a guard is judged; twice as many where they do not decide."""
REGRESSED = "1.1"
FORGOT = replace(ALL, skips_identity_check=1.0)
"""What went wrong with that version: whoever taught it about pets lost the identity check on the way."""

Row = dict[str, Any]


class OtherDice:
    """The same agent with other luck: trials are numbered from `first` on, where an agent's chance comes from their numbers."""

    def __init__(self, agent: Target, first: int) -> None:
        self._agent, self._first = agent, first

    @property
    def name(self) -> str:
        """The agent's."""
        return self._agent.name

    async def open(self) -> None:
        """Get the agent ready."""
        await self._agent.open()

    async def call(self, request: CallTarget) -> TargetReply:
        """Answer one case once."""
        return await self._agent.call(replace(request, trial=request.trial + self._first))

    async def close(self) -> None:
        """Release the agent."""
        await self._agent.close()


def agent(world: World, version: str, tables: HarnessTables | None = None, defects: Defects = ALL) -> AirlineTarget:
    """The shipped agent with its planted defects, under the guards of a harness."""
    return AirlineTarget(Setup(world.seed, defects, version, harness_of(tables or {})))


def harness_of(tables: Mapping[str, Mapping[str, Any]]) -> Harness:
    """The guards of a harness's tables."""
    rows = ((kind, dict(table)) for kind, table in tables.items())
    return Harness([build(kind, {k: v for k, v in table.items() if k != "mode"}, str(table["mode"])) for kind, table in rows])


def scenarios(world: World) -> list[EvalCase]:
    """The suite that was there before the launch: simulated customers, each with a goal that is met or not."""
    return [_scenario_case(world, f"scenario-{n:02}", Scenario(100_000 + n)) for n in range(1, SCENARIOS + 1)]


def _scenario_case(world: World, id: str, scenario: Scenario) -> EvalCase:
    kinds = [goal.kind for goal in scenario.visitor(world.seed).goals]
    goals = " and ".join(kind.replace("_", " ") for kind in kinds)
    check = Check("json_path", {"path": "$.goal_met", "equals": True})
    expected = f"The customer's goal is met: {goals}."
    return EvalCase(id, scenario.text, expected, tags=("scenario", *kinds), layer=Layer.BEHAVIORAL, checks=(check,))


def _suite(world: World) -> Suite:
    folder = world.settings.path("suite.folder")
    known = scenarios(world)
    approved = wiring.suite_files(world.settings).load([str(folder)]).cases if folder.is_dir() else ()
    return Suite((*known, *(case for case in approved if case.id not in {scenario.id for scenario in known})))


async def _run(world: World, label: str, target: Target) -> RunReport:
    bench = Bench(target, wiring.executor(world.settings), world.airline, world.clock, wiring.checks_limit())
    made_of = wiring.fingerprint(world.settings)
    return await run_suite(RunRequest(_suite(world), label, trials=TRIALS, fingerprint=made_of), bench, world.progress)


async def _compared(world: World, what: str, version: str, target: Target, baseline: RunReport) -> Row:
    candidate = await _run(world, version, target)
    policy = gate_policy(world.settings)
    decision = await gate_store(world.airline, policy, world.clock.now(), run_id=candidate.run.run_id)
    naive = len(naive_regressions(baseline.results, candidate.results))
    outcome = decision.decision.value if decision.decision is not None else ""
    return _passed(what, candidate) | {"decision": outcome, "message": decision.message, "naive_regressions": naive}


def _passed(what: str, report: RunReport) -> Row:
    return {"what": what, "passed": sum(r.passed is True for r in report.results), "trials": len(report.results)}


def _share(row: Row) -> str:
    return f"{row['passed']} of {row['trials']}"


async def _gate(world: World) -> Row:
    world.clock.at = START + timedelta(weeks=WEEKS)
    folder = world.settings.path("suite.folder")
    folder.mkdir(parents=True, exist_ok=True)
    wiring.write_file(folder / "scenarios.yaml", render(scenarios(world)))
    baseline = await _run(world, FIRST, agent(world, FIRST))
    if world.airline.baseline() != [baseline.run.run_id]:
        signed = Signed(PERSON, world.clock.now(), "the demo begins anew in this folder")
        await establish_run(world.airline, signed, run_id=baseline.run.run_id, change="replace")
    same = await _compared(
        world, f"{FIRST} again: nothing changed", f"{FIRST}+again", OtherDice(agent(world, FIRST), TRIALS), baseline
    )
    worse = await _compared(
        world, f"{REGRESSED}: knows about pets, and forgot the identity check", REGRESSED,
        OtherDice(agent(world, REGRESSED, defects=FORGOT), 2 * TRIALS), baseline,
    )  # fmt: skip
    return {"cases": len(_suite(world).cases), "baseline": _passed(FIRST, baseline), "compared": [same, worse], "by": PERSON}


def _show_gate(figures: Row) -> None:
    baseline = figures["baseline"]
    rows = [
        (
            f"{baseline['what']}, baseline, established by {figures['by']!r}",
            _share(baseline),
            "",
            "",
        )
    ]
    for row in figures["compared"]:
        naive = f"blocked, {counted(row['naive_regressions'], 'regression')}" if row["naive_regressions"] else "approved"
        rows.append((row["what"], _share(row), naive, row["decision"]))
    table("", ["version", "passed", "naive rule", "this gate"], rows, right=[1])
    say("The naive rule takes whatever passed before and fails now for a regression, though agents differ from run to run.")
    for row in figures["compared"]:
        say(f"- {row['what'].split(':')[0]}: {clip(row['message'], 400)}")


def _tried_on(world: World, proposal: Proposal, traces: Sequence[Trace]) -> Suite:
    """Customers whose conversations are evidence, and as many others, all of whom come back to the agent under trial."""
    known = {trace.trace_id: trace for trace in traces}
    sound = (trace_id for trace_id in known if trace_id not in proposal.evidence)
    chosen = [*proposal.evidence[:COME_BACK], *islice(sound, COME_BACK)]
    return Suite(returning((known[id] for id in chosen if id in known), world.seed, START, WEEKS - 1))


async def _improve(world: World) -> Row:
    world.clock.at = START + timedelta(weeks=WEEKS)
    await detect_store(world.airline)
    store, file = world.airline, wiring.harness_file(world.settings)
    traces, recent = store.newest_traces(world.sessions), recent_traces(store)
    executor, limit = wiring.executor(world.settings), wiring.checks_limit()
    bench = VerifyBench(store, lambda tables: agent(world, FIRST, tables), executor, world.clock, limit, recent)
    proposals = []
    for record in current(store.proposals()):
        known = record.proposal
        if record.verification is None:
            request = VerifyRequest(
                known,
                _tried_on(world, known, traces),
                FIRST,
                LOOK,
                max_trials=2 * LOOK,
                evidence=0,
                others=0,
                policy=wiring.verify_policy(world.settings),
            )
            await verify_proposal(request, bench, world.progress)
        held = find_proposal(store, known.proposal_id)
        if held.status is ProposalStatus.VERIFIED and held.verification is not None and held.verification.verdict == "helping":
            held = await decide_proposal(store, held, Decision(ProposalStatus.APPROVED, PERSON, world.clock.now(), "it helps"))
        if held.status is ProposalStatus.APPROVED:
            protected = wiring.protected_places(world.settings, store)
            await apply_proposal(store, held, file, PERSON, world.clock.now(), protected=protected)
        proposals.append(_proposal(find_proposal(store, known.proposal_id)))
    return {"proposals": proposals, "kinds": len(ProposalKind), "by": PERSON}


def _proposal(record: ProposalRecord) -> Row:
    found = record.verification
    return {
        "proposal_id": record.proposal.proposal_id,
        "kind": record.proposal.kind.value,
        "evidence": len(record.proposal.evidence),
        "status": record.status.value,
        "verdict": found.verdict if found else None,
        "reason": found.reason if found else "",
        "trials": found.trials if found else 0,
        "effects": {e.name: [e.without, e.with_] for e in _effects(found)},
    }


def _effects(found: Verification | None) -> list[Effect]:
    return [found.failure, found.success, found.runtime_ms, found.cost_usd] if found else []


def _show_improved(figures: Row) -> None:
    rows = []
    for p in figures["proposals"]:
        measured = [_change(p["effects"].get(name), told) for name, told in _TOLD.items()]
        rows.append((p["kind"], p["evidence"], *measured, (p["verdict"] or "").replace("_", " "), p["status"]))
    head = ["guard", "evidence", "failure", "success", "seconds", "US cents", "verdict", ""]
    table("", head, rows, right=[1])
    say("Each was tried on the same returning customers, half of them from its evidence, without the guard and with it.")
    applied = sum(p["status"] == ProposalStatus.APPLIED.value for p in figures["proposals"])
    total = len(figures["proposals"])
    say(f"{figures['by']!r} approves what helps, and only that: {applied} of {total} are written to harness.toml.")


_TOLD: dict[str, Callable[[float], str]] = {
    "failure": percent,
    "success": percent,
    "runtime_ms": lambda ms: f"{ms / 1000:.1f}",
    "cost_usd": lambda usd: f"{100 * usd:.2f}",
}


def _change(pair: list[float | None] | None, told: Callable[[float], str]) -> str:
    if not pair or None in pair:
        return ""
    return " → ".join(told(value or 0.0) for value in pair)


async def _release(world: World) -> Row:
    world.clock.at = START + timedelta(weeks=WEEKS, days=1)
    store = world.airline
    baseline = next(run for run in store.runs() if run.run_id in store.baseline())
    before = RunReport(baseline, tuple(store.results(baseline.run_id)))
    guarded = OtherDice(agent(world, SECOND, wiring.harness_file(world.settings).tables()), 3 * TRIALS)
    row = await _compared(world, f"{SECOND}: pets, the identity check, the approved guards", SECOND, guarded, before)
    known = {release.version for release in store.releases()}
    if SECOND not in known and row["decision"] == "approved":
        await record_release(store, ReleaseRequest(SECOND, PERSON, world.clock.now()), world.clock.now())
    released = SECOND in {release.version for release in store.releases()}
    return {"baseline": _passed(FIRST, before), "candidate": row, "released": released, "by": PERSON}


def _show_release(figures: Row) -> None:
    row, baseline = figures["candidate"], figures["baseline"]
    rows = [
        (baseline["what"], _share(baseline), ""),
        (row["what"], _share(row), row["decision"]),
    ]
    table("", ["version", "passed", "this gate"], rows, right=[1])
    say(clip(row["message"], 400))
    if figures["released"]:
        say(f"Released by {figures['by']!r}.")


async def _later(world: World) -> Row:
    start = START + timedelta(weeks=WEEKS)
    world.clock.at = start
    sessions = world.sessions * LATER_WEEKS // WEEKS
    version = SECOND if SECOND in {release.version for release in world.airline.releases()} else FIRST
    guards = harness_of(wiring.harness_file(world.settings).tables()) if version == SECOND else None
    return await produce(
        world, version, start + timedelta(days=1), LATER_WEEKS, sessions, first=world.sessions, new_topic_week=0, harness=guards
    )


async def _effect(world: World) -> Row:
    world.clock.at = START + timedelta(weeks=WEEKS + LATER_WEEKS, days=1)
    modes = await mine_and_cluster(world)
    version = world.airline.releases()[-1].version
    found = await effect_of(world.airline, find_release(world.airline, version))
    return {
        "version": version,
        "failing": modes["failing"],
        "before": found.before,
        "after": found.after,
        "doubts": list(found.doubts),
        "modes": [
            {"name": m.name, "before": list(m.before), "after": list(m.after), "p_value": m.adjusted, "verdict": m.verdict.value}
            for m in found.modes
        ],
        "watched": await watch(world),
    }


def _show_effect(figures: Row) -> None:
    rows = [
        (clip(m["name"], 60), _rate(m["before"]), _rate(m["after"]), f"{m['p_value']:.2g}", m["verdict"])
        for m in figures["modes"]
    ]
    table("", ["failure mode", "before", "after", "p", ""], rows, right=[1, 2, 3], most=12)
    fell = sum(m["verdict"] == "fell" for m in figures["modes"])
    rose = sum(m["verdict"] == "rose" for m in figures["modes"])
    say(f"Since {figures['version']}: {fell} fell, {rose} rose; p is corrected for the number of modes.")
    for doubt in figures["doubts"]:
        say(f"- {doubt}")
    say("")
    show_watched(figures["watched"])


def _rate(pair: list[int]) -> str:
    count, total = pair
    return percent(count / total) if total else ""


STAGES = (
    Stage(
        "gate",
        "evaluate, gate",
        "60 scenarios from before the launch and the approved cases, five trials each.",
        _gate,
        _show_gate,
    ),
    Stage(
        "improve",
        "improve",
        "Failure patterns become guards: proposed from traces, verified, approved, applied.",
        _improve,
        _show_improved,
    ),
    Stage("release", "release", "What is released passed the gate, under a name.", _release, _show_release),
    Stage("later", "production", "Four more weeks, with the guards.", _later, show_weeks),
    Stage("effect", "release, watch", "What the release did to each failure mode.", _effect, _show_effect),
)
