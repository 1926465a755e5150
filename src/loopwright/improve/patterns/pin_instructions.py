"""Instructions that hold at first and are broken late, when the context has become long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from loopwright.guards.claims import Statement, differ, statements
from loopwright.guards.pin_instructions import gives_standing_instruction, sentences
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.finding import SURE, PatternFinding
from loopwright.improve.patterns.instructions import LONGEST, Instruction, Turn, agrees, prepares, read_instructions
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.wording import clip

LATE = 8
"""Messages after an instruction from which on a breach is late."""

EARLY = 4
"""What a user asks for counts as an instruction for the whole in the first messages; later only where it says that it stands."""

MOST_PINNED = 8

WEAK = 0.3

TOLD = 0.4
"""How sure it is where only the user says so: people also say it when they are offered too little."""

_REMINDS = re.compile(
    r"\bi(?:'ve| have| had)? (?:already |just |specifically |clearly |explicitly )?(?:told|asked|said|mentioned)\b"
    r"(?:(?: (?:you|that|this|it|so))* (?:already|before|earlier|(?:at|from) the (?:start|beginning))|[^.!?]{0,12}"
    r"\b(?:no|not|only|never|don'?t)\b)|\b(?:like|as) i (?:said|told you|mentioned|asked)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(r"(?:^|[.!?,;:]\s+|\n)(?!(?:which|what|when|where|who|how|whose)\b)[^.!?]*\?", re.IGNORECASE)


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """One finding for each instruction that was broken, where it was first broken late.

    Surest where it had been kept before; weak where it was broken early, too or only: that is no matter of the context's length.
    """
    turns = dict(_turns(one, batch))
    for instruction in _given(one, batch):
        judged = [(index, instruction.broken(turn)) for index, turn in turns.items() if index > instruction.index]
        breaches = [index for index, broken in judged if broken]
        late = next((index for index in breaches if index >= instruction.index + LATE), None)
        if late is None:
            if breaches and not instruction.loose:
                yield _finding(one, breaches[0], instruction, WEAK, turns[breaches[0]])
            continue
        kept = sum(broken is False and index < late for index, broken in judged)
        weak = breaches[0] != late or (instruction.loose and not kept)
        confidence = WEAK if weak else 0.8 if kept else SURE
        yield _finding(one, late, instruction, confidence, turns[late])
    yield from _denied_rules(one)
    yield from _reminders(one)


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """The instructions of the system prompt that were broken, the most often broken first, and the length before breaches.

    What users asked for is not the same in the next session: the guard finds their standing instructions itself.
    """
    broken = Counter(str(f.details["instruction"]) for f in findings if not f.details["by_user"])
    long = sorted(f.message_index for f in findings if f.message_index is not None)
    after = max(LATE, long[len(long) // 10] - 2) if long else 2 * LATE
    by_user = any(f.details["by_user"] for f in findings)
    return {
        "instructions": [text for text, _ in broken.most_common(MOST_PINNED)],
        "after_messages": after,
        "standing": by_user,
    }


def _given(one: Recorded, batch: Batch) -> Iterator[Instruction]:
    tools = one.reading.offered or batch.tools
    for index, role in enumerate(one.roles):
        text = one.trace.messages[index].text
        if role == "system":
            yield from _of_prompt(text, index, tools)
        elif role == "user":
            for instruction in read_instructions(text, index, tools, by_user=True):
                if index <= EARLY or gives_standing_instruction(instruction.text):
                    yield instruction


@lru_cache(maxsize=64)
def _of_prompt(text: str, index: int, tools: frozenset[str]) -> tuple[Instruction, ...]:
    return tuple(read_instructions(text, index, tools))


def _turns(one: Recorded, batch: Batch) -> Iterator[tuple[int, Turn]]:
    worked = {(use.index, use.name) for use in one.reading.tools if use.failure is None}
    asked, said, agreed = "", "", False
    for index, (message, role) in enumerate(zip(one.trace.messages, one.roles, strict=True)):
        if role == "user":
            asked = message.text
            agreed = agreed or (_YES_NO.search(said) is not None and agrees(asked))
        elif role == "agent":
            failed = frozenset(call.name for call in message.tool_calls if (index, call.name) not in worked)
            turn = Turn(message.text, message.tool_calls, asked, batch.writes, agreed, failed)
            yield index, turn
            said = message.text or said
            agreed = agreed and all(prepares(call.name) for call in turn.changing)


def _reminders(one: Recorded) -> Iterator[PatternFinding]:
    """What users had to say again, late: an instruction that stands, and that they say they gave before."""
    spoken = [index for index, role in enumerate(one.roles) if role == "user"]
    for index in spoken:
        if index < spoken[0] + LATE or not _REMINDS.search(one.text(index)[:LONGEST]):
            continue
        again = next((line for line in sentences(one.text(index)) if gives_standing_instruction(line)), "")
        if again:
            reason = f"the user had to say again {clip(again, 160)}"
            details = {"instruction": again, "by_user": True}
            yield PatternFinding(
                ProposalKind.PIN_INSTRUCTIONS, one.trace.trace_id, index, clip(one.text(index), 100), reason, TOLD, details
            )
            return


def _denied_rules(one: Recorded) -> Iterator[PatternFinding]:
    """Statements of the agent that deny, in the same words, what the system prompt states."""
    rules = [(i, s) for i, role in enumerate(one.roles) if role == "system" for s in _stated(one.text(i))]
    if not rules:
        return
    for index, role in enumerate(one.roles):
        if role != "agent":
            continue
        for said in statements(one.text(index)):
            denied = next((rule for at, rule in rules if index >= at + LATE and differ(rule, said) == "polarity"), None)
            if denied is not None:
                yield _finding(one, index, Instruction(denied.text, 0, lambda _: True), 0.6)


@lru_cache(maxsize=64)
def _stated(text: str) -> tuple[Statement, ...]:
    """The statements of a long text, in the parts that `statements` reads; most traces share their system prompt."""
    return tuple(statement for part in text[:40000].split("\n") for statement in statements(part))


def _finding(one: Recorded, index: int, instruction: Instruction, confidence: float, turn: Turn | None = None) -> PatternFinding:
    by_user = one.roles[instruction.index] == "user"
    whose = "the user" if by_user else "the instructions"
    calls = ", ".join(call.name for call in turn.calls) if turn else ""
    called = f"{calls} is called, after the user said {clip(turn.asked, 80)}" if turn and calls else ""
    return PatternFinding(
        ProposalKind.PIN_INSTRUCTIONS,
        one.trace.trace_id,
        index,
        clip(one.text(index), 100) if one.text(index) else called,
        f"{whose} said {clip(instruction.text, 200)}, and {called or 'this answer'}: that breaks it",
        confidence,
        {"instruction": instruction.text, "by_user": by_user},
    )
