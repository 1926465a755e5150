"""How the figures came about, and what they cannot say, in words for this very analysis."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.cluster.mode import Clustering
from loopwright.surfaces.reports.text import counted, line, moment
from loopwright.workflows.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the section that says how it was measured."""

    name: str
    value: str


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
