"""`loopwright demo`: traces in, a report and a gate out, on the shipped conversations."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.cluster.mode import Clustering
from loopwright.collect.intake import Intake
from loopwright.collect.trace import Trace
from loopwright.errors import UsageError
from loopwright.evaluate.case import EvalCase, Suite
from loopwright.evaluate.result import EvalResult
from loopwright.examples.conversations.files import conversations, suite
from loopwright.examples.conversations.recorded import Recorded
from loopwright.gate.decision import GateDecision
from loopwright.gate.exchange import decision_record
from loopwright.gate.naive import naive_regressions
from loopwright.mine.rank import Mined
from loopwright.ports import Store
from loopwright.settings import Settings, load
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note, say, table
from loopwright.surfaces.reports.page import render
from loopwright.workflows.analysis import Analysis
from loopwright.workflows.clustering import cluster_store
from loopwright.workflows.drafting import Drafted, draft_from_store
from loopwright.workflows.gating import establish_run, gate_store
from loopwright.workflows.importing import Outcome, import_traces
from loopwright.workflows.mining import mine_store
from loopwright.workflows.reporting import report
from loopwright.workflows.running import Bench, RunReport, RunRequest, run_suite

app = typer.Typer(add_completion=False)

PERSON = "demo user"
LOST = "update_reservation_flights"
SHOWN = 5
MARKER = ".loopwright-demo"
_OF_THE_RUN = frozenset({"candidate", "baseline", "commands"})
MADE = frozenset({MARKER, ".loopwright", "evals", "report.html"})
"""What the demo leaves in its folder; it removes nothing else."""

TITLE = "200 airline-support conversations (tau-bench, GPT-4o)"


@dataclass(frozen=True, slots=True)
class Compared:
    """One candidate through the gate, and what the naive rule says of the same results."""

    what: str
    results: tuple[EvalResult, ...]
    decision: GateDecision
    naive: int


@app.command()
def demo(
    folder: Path = typer.Option(Path("loopwright-demo"), "--folder", help="Where the demo keeps its files; made anew."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout, and nothing else."),
    open_report: bool = typer.Option(False, "--open", help="Open the report in the browser at the end."),
) -> None:
    """The loop on 200 real conversations of an airline-support agent: traces in, a report and a gate out.

    Needs no key and no network, and computes everything that it shows. The conversations ship with the package: GPT-4o on the
    tau-bench airline domain, 50 tasks recorded four times each (MIT); their labels are taken out.

    What it makes lies in the folder that --folder names: the store, the drafts, the report. Every command works on it from there,
    for example: cd loopwright-demo && loopwright modes

    Example: loopwright demo --open
    """
    _make(folder)
    show = _Quiet() if as_json else _Shown()
    settings = load({"store.url": f"sqlite:///{(folder / '.loopwright' / 'loopwright.db').resolve()}"}, environ={})
    with wiring.store(settings) as store:
        told = asyncio.run(_thread(settings, store, folder, show))
    if as_json:
        emit(json.dumps(told))
    if open_report:
        webbrowser.open((folder / "report.html").resolve().as_uri())


async def _thread(settings: Settings, store: Store, folder: Path, show: _Shown) -> dict[str, Any]:
    traces, intake = await _collect(settings, store)
    show.collected(intake)
    mined = await mine_store(store, list(wiring.detectors()))
    clustering = await cluster_store(
        store, wiring.embedder(settings, note), wiring.cluster_options(settings), wiring.clock().now()
    )
    files = wiring.suite_files(settings)
    drafted = await draft_from_store(store, files, str(folder / "evals"), has_suite=False)
    analysis = replace(await report(store, list(wiring.detectors()), wiring.clock()), title=TITLE)
    show.mined(analysis, mined)
    show.clustered(clustering)
    show.drafted(drafted.cases, clustering)
    with suite() as path:
        cases = files.load([path])
    baseline, compared = await _gate(settings, store, cases, traces)
    show.gated(baseline, compared)
    page = folder / "report.html"
    page.write_text(render(analysis, version("loopwright")), encoding="utf-8")
    show.ended(folder, page)
    return _record(intake, analysis, clustering, drafted, baseline, compared, page)


async def _collect(settings: Settings, store: Store) -> tuple[list[Trace], Intake]:
    traces: list[Trace] = []
    outcome = Outcome(lambda imported: traces.append(imported.trace))
    with conversations() as path:
        intake = await import_traces(
            wiring.trace_reader(settings), [path], store=store, outcome=outcome, progress=TerminalProgress()
        )
    return traces, intake


async def _gate(settings: Settings, store: Store, cases: Suite, traces: Sequence[Trace]) -> tuple[RunReport, list[Compared]]:
    """A baseline from two recorded trials of each task, an unchanged agent from the other two, and a broken one."""
    baseline = await _run(settings, store, cases, "baseline", Recorded(traces, (0, 1)))
    await establish_run(store, PERSON, wiring.clock().now(), run_id=baseline.run.run_id, change="replace")
    compared = []
    for what, target in (
        ("unchanged: two other recordings of the same agent", Recorded(traces, (2, 3))),
        (f"broken: {LOST} is gone, the agent hands over", Recorded(traces, (2, 3), without=LOST)),
    ):
        candidate = await _run(settings, store, cases, what.split(":")[0], target)
        now = wiring.clock().now()
        decision = await gate_store(store, wiring.gate_policy(settings), now, run_id=candidate.run.run_id)
        naive = len(naive_regressions(baseline.results, candidate.results))
        compared.append(Compared(what, candidate.results, decision, naive))
    return baseline, compared


async def _run(settings: Settings, store: Store, cases: Suite, label: str, target: Recorded) -> RunReport:
    bench = Bench(target, wiring.executor(settings), store, wiring.clock(), wiring.checks_limit())
    return await run_suite(RunRequest(cases, label, trials=2, fresh=True), bench, TerminalProgress())


class _Shown:
    """What a person sees of each stage: a line on what it does, and a table of what came of it."""

    def collected(self, intake: Intake) -> None:
        self._stage("1 collect", "Production traces come in; what cannot be read is counted, never dropped in silence.")
        formats = ", ".join(f"{count} {name}" for name, count in intake.formats)
        say(f"{intake.taken} conversations taken ({formats}), {intake.rejected_count} refused.")

    def mined(self, analysis: Analysis, mined: Mined) -> None:
        self._stage("2 mine", "Each trace is read for signs of failure, without a model, and ranked by their weighted strength.")
        rows = [(t.signal_type, t.rate.count, f"{t.rate.share:.0%}", _interval(t.rate.low, t.rate.high)) for t in analysis.types]
        table("", ["signal", "traces", "share", "95 % interval"], rows, right=[1, 2])
        say("")
        top = [(f.trace_id, f"{f.score:.2f}", _clip(f.failure_reason)) for f in mined.failures]
        table("the worst", ["trace", "score", "why"], top, right=[1], whole=[0], most=SHOWN)

    def clustered(self, clustering: Clustering) -> None:
        alone = sum(m.mode_id is None for m in clustering.memberships)
        self._stage("3 cluster", "Failures that share a cause become failure modes; one-offs are kept beside them.")
        rows = [(_clip(m.name, 60), m.size, f"{m.severity:.2f}", ", ".join(m.signal_types)) for m in clustering.modes]
        table("", ["failure mode", "failures", "severity", "signals"], rows, right=[1, 2], most=SHOWN * 2)
        _rest(len(clustering.modes) - len(rows))
        embedder = clustering.embedder.split("/")[0]
        say(f"{len(clustering.modes)} failure modes and {alone} one-offs, grouped by meaning ({embedder}).")

    def drafted(self, cases: Sequence[EvalCase], clustering: Clustering) -> None:
        names = {mode.mode_id: mode.name for mode in clustering.modes}
        self._stage("4 draft", "Each failure mode gets a draft case. It joins the suite only when a named person approves it.")
        rows = [(_clip(names.get(c.mode_id or "", c.id), 60), c.layer.value, _checks(c), _seen(c.fails_on_source)) for c in cases]
        table("", ["draft for", "layer", "checks", "fails on its source"], rows, most=SHOWN * 2)
        _rest(len(cases) - len(rows))

    def gated(self, baseline: RunReport, compared: Sequence[Compared]) -> None:
        self._stage("5 evaluate, 6 gate", "50 cases, two trials each, on recorded answers: does the agent handle it itself?")
        rows: list[tuple[str, ...]] = [(f"baseline, established by {PERSON!r}", _passed(baseline.results), "", "")]
        rows += [
            (c.what, _passed(c.results), f"blocked, {c.naive} regressions" if c.naive else "approved", _outcome(c.decision))
            for c in compared
        ]
        table("", ["version", "passed", "naive rule", "this gate"], rows, right=[1])
        say("The naive rule takes whatever passed before and fails now for a regression, though agents differ from run to run.")
        for c in compared:
            say(f"- {c.what.split(':')[0]}: {_clip(c.decision.message, 400)}")

    def ended(self, folder: Path, page: Path) -> None:
        self._stage("Next", "")
        say(f"the report          {page}")
        say('your own traces     loopwright analyze FILE    one conversation a line: {"id", "messages"}')
        say("your own suite      loopwright init")
        say(f"look around         cd {folder} && loopwright triage --list")
        if not shutil.which("loopwright"):
            say(f"where `loopwright` is not found: {Path(sys.argv[0]).resolve()}")

    def _stage(self, name: str, about: str) -> None:
        say("")
        say(f"== {name}  {about}".rstrip())


class _Quiet(_Shown):
    """Nothing but the JSON object at the end."""

    def collected(self, intake: Intake) -> None:
        pass

    def mined(self, analysis: Analysis, mined: Mined) -> None:
        pass

    def clustered(self, clustering: Clustering) -> None:
        pass

    def drafted(self, cases: Sequence[EvalCase], clustering: Clustering) -> None:
        pass

    def gated(self, baseline: RunReport, compared: Sequence[Compared]) -> None:
        pass

    def ended(self, folder: Path, page: Path) -> None:
        pass


def _make(folder: Path) -> None:
    """An empty folder for the demo: what an earlier demo made there is removed, a folder that holds anything else is refused."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            strange = [] if (folder / MARKER).is_file() else ["no demo made it"]
            strange += [path.name for path in folder.iterdir() if path.name not in MADE] if folder.is_dir() else []
            if strange:
                raise UsageError(f"{folder} holds what is not the demo's ({strange[0]}); name another folder with --folder")
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).write_text("loopwright demo made this folder, and the next demo replaces it\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}; name another folder with --folder") from None


def _record(
    intake: Intake, analysis: Analysis, clustering: Clustering, drafted: Drafted, baseline: RunReport,
    compared: Sequence[Compared], page: Path,
) -> dict[str, Any]:  # fmt: skip
    return {
        "collected": {"taken": intake.taken, "rejected": intake.rejected_count},
        "signals": {t.signal_type: t.rate.count for t in analysis.types},
        "failing": analysis.failing.count,
        "modes": [{"mode_id": m.mode_id, "name": m.name, "size": m.size} for m in clustering.modes],
        "one_offs": sum(m.mode_id is None for m in clustering.memberships),
        "drafts": [{"id": c.id, "layer": c.layer.value, "fails_on_source": c.fails_on_source} for c in drafted.cases],
        "baseline": {"passed": sum(r.passed is True for r in baseline.results), "trials": len(baseline.results)},
        "gate": [{**_lasting(c.decision), "candidate": c.what, "naive_regressions": c.naive} for c in compared],
        "report": str(page),
    }


def _lasting(decision: GateDecision) -> dict[str, Any]:
    """The decision's record without what tells of the runs: their ids and times differ at every demo."""
    return {key: value for key, value in decision_record(decision).items() if key not in _OF_THE_RUN}


def _rest(count: int) -> None:
    if count > 0:
        say(f"... and {count} more")


def _passed(results: Sequence[EvalResult]) -> str:
    return f"{sum(r.passed is True for r in results)} of {len(results)}"


def _outcome(decision: GateDecision) -> str:
    return decision.decision.value if decision.decision is not None else ""


def _checks(case: EvalCase) -> str:
    return ", ".join(check.type for check in case.checks) or "rubric, for a judge"


def _seen(fails: bool | None) -> str:
    return "needs a judge" if fails is None else "yes" if fails else "no"


def _interval(low: float, high: float) -> str:
    return f"{low:.0%} to {high:.0%}"


def _clip(text: str, width: int = 100) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
