"""What a failure mode is, why it fails and what might help: from templates, without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from loopwright.cluster.masking import mask_message
from loopwright.cluster.recipe import told, tool_of
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.signal import FailureSignal, FailureTrace
from loopwright.mine.speech import spoken
from loopwright.mine.tool_text import unavailable
from loopwright.wording import counted

_EXCERPT = 160
_HEADLINE = 70
_SHARED = 0.4  # share of a mode's failures that give the reason it is named by


class Description(NamedTuple):
    """The three parts of a failure mode's description."""

    what: str
    why: str
    possible_fix: str


SIGNAL_WORDS: Mapping[FailureSignal, str] = MappingProxyType(
    {
        FailureSignal.HARD_ERROR: "a hard error",
        FailureSignal.USER_CORRECTION: "a correction by the user",
        FailureSignal.ABANDONMENT: "a conversation left unresolved",
        FailureSignal.LLM_JUDGE_FAIL: "a judge's verdict",
        FailureSignal.BUSINESS_METRIC: "a business metric",
    }
)

_FINDS: Mapping[str, str] = MappingProxyType({detector.name: detector.finds for detector in SHIPPED})
_ERRORS = frozenset({"", "tool_error", "trace_error", "execution_error"})

_FIX_BY_DETECTOR: Mapping[str, str] = MappingProxyType(
    {
        "repeated_call": "Deduplicate tool calls in the execution engine, and give retries a budget and a circuit breaker.",
        "unknown_tool": "Validate tool names before execution, and tell the agent which tools there are.",
        "malformed_arguments": "Validate arguments against the tool's schema before execution, and tell the agent what is wrong.",
        "unanswered_call": "Give the tool a time limit, and have the agent say what it could not find out.",
        "execution_error": "Return the error to the agent with what it may try instead, and stop after a few attempts.",
        "user_reask": "Pin the user's request while the context grows, and check before answering that it was answered.",
        "user_refusal": "Have the agent confirm what is wanted, and under which conditions, before it proposes an action.",
        "human_request": "Offer the hand-over to a person as soon as the agent can't do what is asked.",
        "agent_loop": "Stop when the agent says the same again: ask a different question, or hand over.",
        "unusual_effort": "Look where these conversations lose their way: ask early for what is needed, and hand over in time.",
    }
)
_FIX_UNAVAILABLE = (
    "Retry {tool} with backoff and within a budget, give it a fallback, and have the agent tell the user what did not work."
)
_FIX_BY_SIGNAL: Mapping[FailureSignal, str] = MappingProxyType(
    {
        FailureSignal.HARD_ERROR: "Validate the call's arguments before {tool}, and have the agent ask for what is missing.",
        FailureSignal.USER_CORRECTION: "Say in the instructions what to do here, and have the agent confirm before it acts.",
        FailureSignal.ABANDONMENT: "Have the agent end with what was done and what is open, and offer a next step or a person.",
        FailureSignal.LLM_JUDGE_FAIL: "Put what the judge asks for into the instructions, and check it before answering.",
        FailureSignal.BUSINESS_METRIC: "Compare these conversations with those of before the change, and find what else changed.",
    }
)


def describe(members: Sequence[FailureTrace], typical: FailureTrace) -> Description:
    """Describe the mode of these failures, of which `typical` lies nearest to its centre."""
    signal, share = Counter(m.signal_type for m in members).most_common(1)[0]
    tool, tools = next(iter(Counter(t for m in members if (t := tool_of(m))).most_common(1)), ("", 0))
    reason, reasons = next(iter(Counter(r for m in members if (r := excerpt(m.failure_reason))).most_common(1)), ("", 0))
    detector, detections = next(iter(Counter(d for m in members for d in leading_detectors(m)).most_common(1)), ("", 0))
    n = len(members)
    failures = counted(n, "failure")
    hard = signal is FailureSignal.HARD_ERROR and typical.failure_reason.strip()
    request = excerpt(text_of(typical))
    what = f"{failures} with much the same error: {excerpt(typical.failure_reason)}" if hard else f"{failures} {_on(request)}"
    why = f"{_seen(detector, detections, signal, share, n)}{f'; {_part(tools, n).lower()} in the tool {tool}' if tool else ''}"
    why += f". Typical reason: {reason}" if reasons else ""
    return Description(what, why.rstrip(".") + ".", _fix(members, signal, detector, tool))


def _on(request: str) -> str:
    return f"on requests like: “{request}”" if request else "on requests without text"


def _seen(detector: str, detections: int, signal: FailureSignal, share: int, n: int) -> str:
    """What brought the failures to light: in the words of the detector that found most of them, else by the type of signal."""
    if detections * 2 > n and detector in _FINDS:
        return f"Sign of failure in {_part(detections, n).lower()}: {_FINDS[detector]}"
    return f"{_part(share, n)} came to light by {SIGNAL_WORDS[signal]}"


def _fix(members: Sequence[FailureTrace], signal: FailureSignal, detector: str, tool: str) -> str:
    """What might help against the detector's kind of failure; against errors, by whether other arguments could have helped."""
    named = f"the tool {tool}" if tool else ""
    errors = sum(unavailable(_errors_of(m)) for m in members)
    if signal is FailureSignal.HARD_ERROR and detector in _ERRORS and errors * 2 > len(members):
        return _FIX_UNAVAILABLE.format(tool=named or "the call")
    return _FIX_BY_DETECTOR.get(detector) or _FIX_BY_SIGNAL[signal].format(tool=named or "it runs")


def _errors_of(failure: FailureTrace) -> str:
    """The errors on record, as they were told; the reason where there is none."""
    told = [s.reason for s in failure.signals if s.detector in _ERRORS]
    told += [str(step["error"]) for step in failure.reasoning_steps if step.get("error")]
    return "\n".join(told) or failure.failure_reason


def headline(members: Sequence[FailureTrace], topic: str) -> str:
    """A mode's name: what went wrong where most failures say the same, and what they are about; else only the latter.

    `topic` is the words that set the mode apart. A hard error is named by its message, which says what it is about, or where
    messages differ by its tool. Where people wrote what went wrong, one of them is quoted: `members` come the most typical first.
    """
    quotes = [words for member in members if (words := told(member))]
    if len(quotes) * 2 > len(members):
        return f"“{excerpt(quotes[0], _HEADLINE)}”"
    first = Counter(clause for m in members if (clause := mask_message(m.failure_reason.split("; ")[0]).strip(" .")))
    clause, count = next(iter(first.most_common(1)), ("", 0))
    hard = sum(m.signal_type is FailureSignal.HARD_ERROR for m in members) * 2 > len(members)
    if count < _SHARED * len(members):
        tool, tools = next(iter(Counter(t for m in members if (t := tool_of(m))).most_common(1)), ("", 0))
        about = " ".join(word for word in topic.split() if word not in (tool.lower(), "error", "errors"))
        return f"{tool} fails: {about or topic}" if hard and tools * 2 > len(members) else topic
    return excerpt(clause, _HEADLINE) if hard else f"{topic}: {excerpt(clause, _HEADLINE)}"


def leading_detectors(failure: FailureTrace) -> list[str]:
    """The detector of the strongest signal of the failure's own type; empty where none is recorded."""
    own = [s for s in failure.signals if s.type is failure.signal_type]
    return [max(own, key=lambda s: (s.severity * s.confidence, s.detector)).detector] if own else []


def text_of(failure: FailureTrace) -> str:
    """What to show of a failure: its request or input, otherwise its reason."""
    payload = failure.input_payload
    texts = [payload.get(name) for name in ("request", "input", "query", "message", "text", "prompt")]
    shown = next((t for t in texts if isinstance(t, str) and t.strip()), None)
    shown = shown or next((t for t in payload.values() if isinstance(t, str) and t.strip()), None)
    return spoken(shown or "") or failure.failure_reason


def excerpt(text: str, length: int = _EXCERPT) -> str:
    """One line of at most `length` characters, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _part(count: int, n: int) -> str:
    if count == n:
        return "All"
    return f"{count:,} of {n:,}"
