"""What to do next, how the figures came about, and what they cannot say: in words and commands for this very analysis."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from loopwright.cluster.mode import Clustering
from loopwright.surfaces.reports.text import counted, line, moment
from loopwright.workflows.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: what, why, the commands for it, and the place on the page where it begins."""

    title: str
    why: str
    commands: tuple[str, ...] = ()
    href: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the section that says how it was measured."""

    name: str
    value: str


def next_steps(analysis: Analysis) -> list[Step]:
    """The next few steps for whoever made this analysis, in order."""
    files = analysis_files(analysis)
    stored = analysis.origin == "store"
    if not analysis.failing.total:
        return [_NO_TRACES]
    if not analysis.failures:
        return [_MINE] if stored else [_NOTHING_FAILED]
    if stored and not analysis.clustering.memberships:
        return [_LOOK, _GROUP]
    look = replace(_LOOK, href="#mode-1") if analysis.clustering.modes else _LOOK
    keep = replace(_KEEP, commands=("loopwright init", f"loopwright import {files}", "loopwright mine", "loopwright cluster"))
    prevent = [_prevent(stored)] if analysis.proposals else []
    return [look, _DRAFT, *prevent, _GATE] if stored else [look, keep, _DRAFT, *prevent, _GATE]


_NO_TRACES = Step(
    "Give it conversations",
    "Every line of a chat file is one conversation: an id and its messages, as the chat API has them.",
    ("loopwright import --help", "loopwright analyze FILE"),
)
_MINE = Step(
    "Look for failures", "Mining ranks what fails; nothing it found is in the store.", ("loopwright mine", "loopwright cluster")
)
_GROUP = Step("Group the failures", "Failures that are alike become failure modes.", ("loopwright cluster", "loopwright report"))
_NOTHING_FAILED = Step(
    "Write down what must stay right",
    "Nothing failed by rule. The suite still needs the cases that your users would be angry about.",
    ("loopwright init", "loopwright run", "loopwright gate --establish"),
)
_LOOK = Step(
    "Look at the evidence",
    "Open a few failures, of the largest mode first, and say for each whether it is one. No figure here can replace that.",
    href="#failures",
)
_KEEP = Step(
    "Keep it", "In a store, failure modes keep their ids from week to week, and what a person decides about them stands."
)
_DRAFT = Step(
    "Turn modes into cases",
    "Copy a draft from this page into the suite, or have all of them written; a person mends and approves each. What recurs "
    "three times gets a case, or a no.",
    ("loopwright draft", "loopwright triage"),
)
_GATE = Step(
    "Gate the next release",
    "Run the suite on the agent as it is, make that the baseline, and let no release pass that breaks it.",
    ("loopwright run", "loopwright gate --establish", "loopwright gate"),
)


def _prevent(stored: bool) -> Step:
    commands = ("loopwright improve verify --all --target python:my_agent:answer", "loopwright review")
    return Step(
        "Try the proposals",
        "Run the agent with and without each guard on the same cases. What is shown to help, and a person approves, is applied.",
        commands if stored else ("loopwright improve detect", *commands),
        href="#proposals",
    )


def analysis_files(analysis: Analysis) -> str:
    """The files of this analysis as they stand in a command; `FILE` where there are none or too many."""
    sources = analysis.intake.sources
    if not sources or len(sources) > 3 or any(s == "-" or not s.isprintable() or len(s) > 200 for s in sources):
        return "FILE"
    return " ".join(shlex.quote(s) for s in sources)


def how_measured(analysis: Analysis, version: str) -> list[Fact]:
    """How the figures of this page came about."""
    clustering = analysis.clustering
    facts = [
        Fact("Score", "1 − Π(1 − weight · severity · confidence) over a trace’s signals; failures are ranked by it."),
        Fact("Failing", "A trace with a score above 0, however small: the evidence is listed, weak evidence too."),
        Fact("Intervals", "95 % Wilson intervals, traces taken as independent."),
    ]
    if clustering.memberships:
        facts += [*_recipe(clustering), Fact("Rank of modes", "the summed score of a mode’s failures")]
    if analysis.proposals:
        facts.append(
            Fact("Proposals", "a pattern in three traces or more; the guard is then shown every recorded trace, event by event")
        )
    if any(record.verification is not None for record in analysis.proposals):
        facts.append(Fact("Verification", "paired trials of the same cases with and without the guard, 95 % intervals"))
    if analysis.kept is not None and analysis.kept.effect is not None:
        facts.append(
            Fact("Releases", "conversations before and after, Fisher’s exact test, adjusted for the number of modes (Holm)")
        )
    return [*(Fact(f.name, line(f.value, 300)) for f in facts), Fact("Made by", f"Loopwright {version}".strip())]


def _recipe(clustering: Clustering) -> list[Fact]:
    if not clustering.method:
        return [Fact("Clustering", "How it was done was not kept; loopwright cluster does it again, and keeps it.")]
    when = f", {moment(clustering.made_at)}" if clustering.made_at is not None else ""
    cut = [f"cosine {clustering.threshold:.3f}" if clustering.threshold is not None else ""]
    cut.append(f"granularity {clustering.granularity:.2f}" if clustering.granularity is not None else "")
    return [
        Fact("Clustering", f"{clustering.method}, over {counted(clustering.distinct, 'distinct text')}{when}"),
        Fact("Embedding", clustering.embedder or "none: there was no text to embed"),
        Fact("Cut", ", ".join(c for c in cut if c) or "none: too few failures"),
    ]


def limits(analysis: Analysis) -> list[str]:
    """What this page cannot say."""
    told = [
        "The failures were found by rules, not by a model and not by a person. How many of them are real on your data, and how "
        "many real ones are missing, is not known until some were labelled.",
        "A rule sees what shows: an error, a repeated call, a user who objects, a conversation that stops. An answer that is "
        "wrong, calm and accepted leaves no such sign.",
        "Severity and confidence are each detector’s own judgment; they order failures, they are not probabilities.",
        "The rates are of the traces given. If these were picked, the rates say how they were picked.",
    ]
    if analysis.clustering.modes:
        told.append(
            "Modes are groups of alike evidence. Names come from the words that set a group apart; the cause, and whether "
            "one fix will do for all, is for a person to say."
        )
    if analysis.proposals:
        told.append(
            "A replay says in which recorded conversations a guard would have acted, not what would have come of it. Only a "
            "verification, which runs the agent, tells whether it helps."
        )
    if analysis.intake.rejected_count:
        told.append(f"{counted(analysis.intake.rejected_count, 'record')} could not be read; they count in no figure above.")
    return told
