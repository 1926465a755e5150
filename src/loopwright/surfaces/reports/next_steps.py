"""What to do next, told from what the analysis and its store show: the most important first, each with its commands."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from loopwright.collect.times import utc
from loopwright.evaluate.layers import joined
from loopwright.gate.decision import Outcome
from loopwright.improve.proposal import ProposalRecord, ProposalStatus
from loopwright.release.effect import Verdict
from loopwright.surfaces.reports.production import answer
from loopwright.surfaces.reports.text import counted, line
from loopwright.workflows.analysis import Analysis, Kept, ungrouped

MOST = 3
"""More than a few things to do are none."""

COMMANDS = 3
"""So many commands of a step."""

STANDS = timedelta(days=14)
"""A drift that was found longer before the last trace, and not since, stands no more."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: what, why, the commands for it, and the place on the page where it begins."""

    title: str
    why: str
    commands: tuple[str, ...] = ()
    href: str = ""


def next_steps(analysis: Analysis) -> list[Step]:
    """At most `MOST` steps for whoever made this analysis, the most important first; never none."""
    if not analysis.failing.total:
        return [_NO_TRACES]
    kept = analysis.kept
    steps = _of_files(analysis) if kept is None else (step for look in _LOOKS if (step := look(analysis, kept)) is not None)
    return list(islice(steps, MOST)) or [_NOTHING]


def analysis_files(analysis: Analysis) -> str:
    """The files of this analysis as they stand in a command; `FILE` where there are none or too many."""
    sources = analysis.intake.sources
    if not sources or len(sources) > 3 or any(s == "-" or not s.isprintable() or len(s) > 200 for s in sources):
        return "FILE"
    return " ".join(shlex.quote(s) for s in sources)


_NO_TRACES = Step(
    "Give it conversations",
    "Every line of a chat file is one conversation: an id and its messages, as the chat API has them.",
    ("loopwright import --help", "loopwright analyze FILE"),
)
_NOTHING = Step(
    "Nothing waits",
    "All that was found is decided, and the last release stands. Bring in new traces, and look again.",
    ("loopwright loop TRACES", "loopwright watch"),
)


def _of_files(analysis: Analysis) -> Iterator[Step]:
    """After a look at files: look closer, keep it, and then either prevent or test."""
    if not analysis.failures:
        yield Step(
            "Write down what must stay right",
            "Nothing failed by rule. The suite still needs the cases that your users would be angry about.",
            ("loopwright init", "loopwright run", "loopwright gate --establish"),
        )
        return
    yield Step(
        "Look at the evidence",
        "Open a few failures, of the largest mode first, and say for each whether it is one. No figure here can replace that.",
        href="#mode-1" if analysis.clustering.modes else "#failures",
    )
    yield Step(
        "Keep it",
        "In a store, failure modes keep their ids from week to week, what a person decides about them stands, and drafts can "
        "join a suite.",
        ("loopwright init", f"loopwright loop {analysis_files(analysis)}", "loopwright review"),
    )
    if analysis.proposals:
        commands = ("loopwright improve detect", "loopwright improve verify --all --target python:my_agent:answer")
        waits = counted(len(analysis.proposals), "proposal")
        yield Step(
            f"Try the {waits}", "Run the agent with and without each guard on the same cases.", commands, href="#proposals"
        )
    yield Step(
        "Gate the next release",
        "Run the suite on the agent as it is, make that the baseline, and let no release pass that breaks it.",
        ("loopwright run", "loopwright gate --establish", "loopwright gate"),
    )


def _broken_trail(_: Analysis, kept: Kept) -> Step | None:
    if not kept.breaks:
        return None
    why = f"{counted(len(kept.breaks), 'entry', 'entries')} of the trail of decisions were changed, removed or added by hand."
    return Step("Find out who changed the trail", why, ("loopwright audit verify",), "#production")


def _rose(_: Analysis, kept: Kept) -> Step | None:
    """The latest release made something worse."""
    release = kept.releases[-1] if kept.releases else None
    worse = [m for m in kept.effect.modes if m.verdict in (Verdict.ROSE, Verdict.NEW)] if kept.effect is not None else []
    if release is None or not release.live or not worse:
        return None
    version = shlex.quote(release.version)
    return Step(
        f"Decide whether {line(release.version, 60)} stays",
        f"{counted(len(worse), 'failure mode')} rose or came with it: {', '.join(line(m.name, 60) for m in worse[:3])}.",
        (f"loopwright release show {version}", f"loopwright release rollback {version} --why REASON"),
        "#releases",
    )


def _drifted(analysis: Analysis, kept: Kept) -> Step | None:
    """The newest drift that nobody answered."""
    since = min(analysis.made_at, analysis.span[1] if analysis.span else analysis.made_at) - STANDS
    open_ones = [f for f in kept.findings if not answer(f, kept) and (f.found_at is None or utc(f.found_at) >= utc(since))]
    if not open_ones:
        return None
    newest = open_ones[-1]
    more = f" {counted(len(open_ones) - 1, 'older finding')} not answered either." if len(open_ones) > 1 else ""
    commands = tuple(line(command, 200) for command, _ in newest.responses[:COMMANDS])
    summary = line(newest.summary, 200)
    why = f"{summary[:1].upper()}{summary[1:]}.{more}"
    return Step("Answer the drift", why, commands or ("loopwright watch findings",), "#production")


def _undecided(_: Analysis, kept: Kept) -> Step | None:
    """The latest gate decision did not approve, and no run came since."""
    latest = kept.standing.latest
    if latest is None or latest.decision.decision is Outcome.APPROVED or kept.standing.ungated is not None:
        return None
    why = line(latest.decision.message, 300)
    if latest.decision.decision is Outcome.UNDECIDED:
        decides = tuple(line(command, 200) for command in latest.decision.commands[:COMMANDS])
        return Step("Let the gate decide", why, decides or ("loopwright run --repeat", "loopwright gate"))
    return Step("Mend what the gate blocked", why, ("loopwright run --exit-zero", "loopwright gate"))


def _unlooked(analysis: Analysis, kept: Kept) -> Step | None:
    """Traces that were not mined, and failures that were not grouped."""
    loose = ungrouped(analysis.failures, analysis.clustering)
    if kept.standing.unmined:
        why = f"{counted(kept.standing.unmined, 'trace')} came since failures were last looked for."
        return Step("Look for failures", why, ("loopwright mine", "loopwright cluster"))
    if loose:
        why = f"{counted(loose, 'failure')} not grouped yet: failures that are alike become failure modes."
        return Step("Group the failures", why, ("loopwright cluster", "loopwright report"))
    return None


def _to_review(analysis: Analysis, kept: Kept) -> Step | None:
    """What waits for a person: one queue."""
    tried = _with_status(analysis, ProposalStatus.VERIFIED)
    waits = [
        counted(count, *noun)
        for count, *noun in (
            (kept.standing.drafts, "draft case"),
            (len(tried), "verified proposal"),
            (kept.standing.queued, "failure after a gate", "failures after a gate"),
        )
        if count
    ]
    if not waits:
        return None
    told = joined(waits)
    return Step(
        f"Review {told}",
        "They wait for a person: approve, edit or reject each, the most urgent first.",
        ("loopwright review",),
        "#modes" if kept.standing.drafts and analysis.clustering.modes else "#proposals" if tried else "",
    )


def _to_verify(analysis: Analysis, _: Kept) -> Step | None:
    untried = _with_status(analysis, ProposalStatus.OPEN)
    if not untried:
        return None
    return Step(
        f"Verify {counted(len(untried), 'proposal')}",
        "Run the agent with and without each guard on the same cases. What is shown to help, and a person approves, is applied.",
        ("loopwright improve verify --all", "loopwright review"),
        "#proposals",
    )


def _to_apply(analysis: Analysis, _: Kept) -> Step | None:
    approved = _with_status(analysis, ProposalStatus.APPROVED)
    if not approved:
        return None
    return Step(
        f"Apply {counted(len(approved), 'approved proposal')}",
        "What was approved acts once it stands in harness.toml.",
        tuple(f"loopwright improve apply {shlex.quote(r.proposal.proposal_id)}" for r in approved[:COMMANDS]),
        "#proposals",
    )


def _to_draft(analysis: Analysis, kept: Kept) -> Step | None:
    """Modes of which no case was ever drafted."""
    if kept.standing.cases or kept.standing.drafts or not analysis.clustering.modes:
        return None
    modes = counted(len(analysis.clustering.modes), "failure mode")
    return Step(
        f"Draft cases for {modes}", "What recurs gets a case, or a no.", ("loopwright draft", "loopwright review"), "#modes"
    )


def _first_baseline(_: Analysis, kept: Kept) -> Step | None:
    if kept.standing.baseline:
        return None
    if not kept.standing.runs:
        why = "No run of the suite is kept, so that no release can be compared with anything."
        return Step("Run the suite", why, ("loopwright run", "loopwright gate --establish"))
    why = "Runs of the suite are kept, and none is the baseline: no release can be compared with anything."
    return Step("Establish a baseline", why, ("loopwright gate --establish",))


def _to_gate(_: Analysis, kept: Kept) -> Step | None:
    if kept.standing.ungated is None or not kept.standing.baseline:
        return None
    why = f"The last run of the suite, of version {line(kept.standing.ungated, 60)}, was not compared with the baseline."
    return Step("Gate the last run", why, ("loopwright gate",))


def _with_status(analysis: Analysis, status: ProposalStatus) -> list[ProposalRecord]:
    return [record for record in analysis.proposals if record.status is status]


_LOOKS: tuple[Callable[[Analysis, Kept], Step | None], ...] = (
    _broken_trail,
    _rose,
    _drifted,
    _undecided,
    _unlooked,
    _to_review,
    _to_verify,
    _to_apply,
    _to_draft,
    _first_baseline,
    _to_gate,
)
"""What to look at, the most important first: what is wrong now, what nobody looked at, what waits, what is missing."""
