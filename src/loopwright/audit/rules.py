"""The hard rules: what no proposal may do, whoever wants it, and what a decision needs before it counts.

Each rule has a name, which a refusal tells. They look at plain facts (`Intent`), so that nothing which the improvement loop can
change decides whether they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from loopwright.errors import RuleError

Action = Literal["propose", "approve", "reject", "apply", "roll back"]

_WORDS: Mapping[str, str] = {
    "evals": "eval evals suite case cases checks rubric scoring_rubric sealed baseline",
    "policy": "gate policy alpha level margin margins threshold thresholds settings loopwright",
    "audit": "audit trail head store approved_by decided_by status rules",
    "check": "check detector detectors pattern patterns verify verification replay judge evidence",
}
PROTECTED: Mapping[str, frozenset[str]] = {area: frozenset(words.split()) for area, words in _WORDS.items()}
"""What a proposal may not touch, and the words by which its change would name it."""

_ORDER: Mapping[Action, tuple[str, ...]] = {
    "propose": (),
    "approve": ("open", "verified", "approved", "rejected", "rolled_back"),
    "reject": ("open", "verified", "approved"),
    "apply": ("approved", "applied"),
    "roll back": ("applied",),
}


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody is about to do with a proposal.

    `parameters` names what the guard of its kind can be given; `fault` says why the guard cannot be made with the change.
    `verdict` is that of the latest verification, None without one; to apply, of the one made since the approval. `why` goes with
    a rejection or a rollback; `unverified` and `despite` are the reasons given for doing without a verification, and against one.
    `writes` lists the files to be written and `protected` the files and folders of each protected area, all absolute.
    """

    action: Action
    by: str = ""
    status: str = "open"
    change: Mapping[str, Any] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    fault: str = ""
    verdict: str | None = None
    mode: str = ""
    why: str = ""
    unverified: str = ""
    despite: str = ""
    writes: tuple[str, ...] = ()
    protected: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A hard rule: its name, what it says in one line, and a function that tells how an intent breaks it (None: it does not)."""

    name: str
    says: str
    broken: Callable[[Intent], str | None]


@dataclass(frozen=True, slots=True)
class Breach:
    """One rule broken, and how."""

    rule: str
    problem: str


def breaches(intent: Intent) -> tuple[Breach, ...]:
    """Every rule that `intent` breaks, in the order of `RULES`."""
    found = ((rule, rule.broken(intent)) for rule in RULES)
    return tuple(Breach(rule.name, problem) for rule, problem in found if problem is not None)


def enforce(intent: Intent) -> None:
    """Raise `RuleError` for the first rule that `intent` breaks."""
    found = breaches(intent)
    if found:
        raise RuleError(found[0].rule, found[0].problem)


def _untouched(area: str) -> Callable[[Intent], str | None]:
    def broken(intent: Intent) -> str | None:
        for key in intent.change:
            words = {part.strip().lower() for part in str(key).replace("/", ".").split(".")}
            if key not in intent.parameters and not words.isdisjoint(PROTECTED[area]):
                return f"the change sets {key!r}; take it out"
        for path in intent.writes:
            if any(_within(path, place) for place in intent.protected.get(area, ())):
                return f"it would write {path}; keep the harness in a file of its own"
        return None

    return broken


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip("/") + "/")


def _own_parameters(intent: Intent) -> str | None:
    foreign = [key for key in intent.change if key not in intent.parameters]
    if not foreign:
        return None
    known = ", ".join(sorted(intent.parameters)) or "none"
    return f"the change sets {str(foreign[0])!r}, which is no parameter of its guard; those are: {known}"


def _sound(intent: Intent) -> str | None:
    return f"the guard cannot be made with this change: {intent.fault}" if intent.fault else None


def _person(intent: Intent) -> str | None:
    if intent.action == "propose" or intent.by.strip():
        return None
    return "nobody is named; give --by NAME"


def _in_order(intent: Intent) -> str | None:
    wanted = _ORDER[intent.action]
    if not wanted or intent.status in wanted:
        return None
    return f"a proposal that is {intent.status.replace('_', ' ')} cannot be {_PAST[intent.action]}; {_FIRST[intent.action]}"


_PAST: Mapping[Action, str] = {
    "approve": "approved", "reject": "rejected", "apply": "applied", "roll back": "rolled back", "propose": "proposed",
}  # fmt: skip
_FIRST: Mapping[Action, str] = {
    "approve": "see loopwright improve show ID",
    "reject": "roll it back if it is applied: loopwright improve rollback ID",
    "apply": "approve it first: loopwright improve approve ID",
    "roll back": "only what is applied can be",
    "propose": "",
}


def _reason(intent: Intent) -> str | None:
    if intent.action in ("reject", "roll back") and not intent.why.strip():
        return f"it is {_PAST[intent.action]} without a reason; give --why TEXT"
    return None


def _verified(intent: Intent) -> str | None:
    if intent.action == "approve" and intent.verdict is None and not intent.unverified.strip():
        return "it was not verified; run loopwright improve verify ID, or say why not: --unverified WHY"
    return None


def _harmless(intent: Intent) -> str | None:
    if intent.action not in ("approve", "apply") or intent.verdict != "harmful" or intent.despite.strip():
        return None
    since = "a verification made since its approval" if intent.action == "apply" else "its verification"
    return f"{since} says harmful; reject it, or say why it is approved all the same: loopwright improve approve ID --despite WHY"


def _helping(intent: Intent) -> str | None:
    if intent.action == "approve" and intent.verdict in ("no_effect", "undecided") and not intent.despite.strip():
        return f"its verification says {intent.verdict}; verify it with more trials, or say why it is approved: --despite WHY"
    return None


def _mode(intent: Intent) -> str | None:
    if intent.action == "apply" and intent.mode not in ("shadow", "enforce"):
        return f"mode {intent.mode!r} is none that a proposal can be applied in; give shadow or enforce"
    return None


RULES: tuple[Rule, ...] = (
    Rule("leave-evals-alone", "A proposal may not touch the eval suite.", _untouched("evals")),
    Rule("leave-policy-alone", "A proposal may not touch the gate's policy or any setting.", _untouched("policy")),
    Rule("leave-audit-alone", "A proposal may not touch the audit trail, or what people decided.", _untouched("audit")),
    Rule("leave-own-check-alone", "A proposal may not touch what it is judged by.", _untouched("check")),
    Rule("own-parameters-only", "A proposal sets the parameters of its own guard and nothing else.", _own_parameters),
    Rule("sound-parameters", "A proposal's parameters make a guard.", _sound),
    Rule("a-person-decides", "Every decision has a person's name on it.", _person),
    Rule("in-order", "Nothing is applied that is not approved, nothing rolled back that is not applied.", _in_order),
    Rule("say-why", "A rejection and a rollback have a reason.", _reason),
    Rule("verified-first", "Nothing is approved unverified, unless a person says why.", _verified),
    Rule("no-harm", "Nothing that was shown to harm is approved or applied, unless a person says why.", _harmless),
    Rule("shown-to-help", "Nothing is approved that was not shown to help, unless a person says why.", _helping),
    Rule("known-mode", "A proposal is applied in shadow or enforce mode.", _mode),
)
