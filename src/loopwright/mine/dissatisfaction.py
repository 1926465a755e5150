"""Detectors of implicit dissatisfaction: the end of the conversation, its tone, what the agent admits, and what it took."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from loopwright.collect.trace import Trace
from loopwright.mine.agent_wording import (
    ADMITS,
    APOLOGY,
    ASKS,
    ASKS_FOR,
    FAILED,
    INABILITY,
    OFFERS_MORE,
    PERSON_TEXT,
    PERSON_TOOL,
    SET_PHRASE,
)
from loopwright.mine.detector import Context
from loopwright.mine.likeness import likeness, words
from loopwright.mine.peers import effort
from loopwright.mine.reading import Reading, Utterance, role_of
from loopwright.mine.signal import FailureSignal, Signal, Where
from loopwright.mine.speech import closing
from loopwright.mine.user_wording import CLOSES, FRUSTRATION, GO_AHEAD
from loopwright.mine.wording import clip, strongest

LEFT = FailureSignal.ABANDONMENT
_PUNCTUATION = re.compile(r"[\W_]+")
_SENTENCE = re.compile(r"[^.?!\n\u3002\uff01\uff1f]+")
REPEATED_APOLOGIES = 3
OPENING = 600
"""An agent that says the same again begins with the same: so many characters are compared."""
MUCH, FAR = 1.2, 1.0
"""An effort is a sign from so many times the usual one on, and so many robust standard deviations above it."""


def unresolved_end(trace: Trace, context: Context) -> Iterator[Signal]:
    """The conversation stops before the user has what was asked for; not where it may go on."""
    if context.going_on:
        return
    reading = context.reading
    ending = _ending(reading) if reading.last_index is not None else None
    if ending is not None:
        what, severity, sure, place = ending
        confidence = round(sure * reading.credence(place), 3)
        yield Signal(
            LEFT, "unresolved_end", severity, confidence, f"the conversation ends {what}", Where((), place),
            summary=f"the conversation ends {what}",
        )  # fmt: skip


Ending = tuple[str, float, float, int | None]
"""How a conversation ends badly: what, severity, confidence, message index."""


def _ending(reading: Reading) -> Ending | None:
    if reading.last_role == "tool" or (reading.tools and reading.tools[-1].index == reading.last_index):
        if reading.tools and PERSON_TOOL.search(reading.tools[-1].name):
            return "with a transfer to a person", 0.3, 0.25, reading.last_index
        return "on a tool call, without an answer", 0.6, 0.6, reading.last_index
    return _ending_on_user(reading) if reading.last_role == "user" else _ending_on_agent(reading)


def _ending_on_agent(reading: Reading) -> Ending | None:
    last = reading.agents[-1] if reading.agents else None
    if last is None or last.index != reading.last_index:
        return "with an empty answer", 0.8, 0.7, reading.last_index
    if PERSON_TEXT.search(last.plain[:600]):
        return "with a transfer to a person", 0.3, 0.25, last.index
    if strongest(INABILITY, last.plain[:600]) is not None:
        return "with the agent unable to help", 0.4, 0.3, last.index
    if ASKS.search(last.plain[-400:]) and not OFFERS_MORE.search(last.plain[-200:]):
        return "on a question of the agent that nobody answers", 0.4, 0.5, last.index
    return None


def _ending_on_user(reading: Reading) -> Ending | None:
    last = reading.users[-1] if reading.users else None
    if last is None or last.index != reading.last_index:
        return None
    helpless = strongest(INABILITY, last.before[:1500]) is not None or PERSON_TEXT.search(last.before[:1500]) is not None
    if CLOSES.search(last.plain) or closing(last.plain, last.before):
        return ("politely after the agent could not help", 0.3, 0.15, last.index) if helpless else None
    if not reading.agents:
        return "without an answer", 0.8, 0.6, last.index
    return "on a message of the user that nobody answers", 0.4, 0.5, last.index


def frustration(trace: Trace, context: Context) -> Iterator[Signal]:
    """The user sounds frustrated: by the words, by shouting, or by giving up."""
    for said in context.reading.users:
        found = strongest(FRUSTRATION, said.plain)
        if found is not None:
            what, sure = found.name, found.confidence * (1.0 if said.before else 0.5)
        elif _shouts(said.text):
            what, sure = "raises the voice", 0.4
        else:
            continue
        confidence = round(sure * context.reading.credence(said.index), 3)
        yield Signal(
            LEFT, "frustration", 0.3, confidence, f"the user {what}: {clip(said.text)}", Where((), said.index),
            summary=f"the user {what}",
        )  # fmt: skip


def _shouts(text: str) -> bool:
    head = text[:500]
    loud = head.upper() == head and head.lower() != head and len(head.split()) >= 3 and sum(map(str.isalpha, head)) >= 12
    return loud or "!!!" in head or "???" in head


def agent_admissions(trace: Trace, context: Context) -> Iterator[Signal]:
    """The agent admits a mistake, says that it failed, or apologises again and again.

    That something is not allowed is no evidence: declining by the rules is what a good agent does.
    """
    apologies = 0
    for said in context.reading.agents:
        head = said.plain[:1500]
        if not said.before:
            continue
        apologies += APOLOGY.search(head) is not None
        if ADMITS.search(head):
            what, sure = "admits a mistake", 0.35
        elif FAILED.pattern.search(head):
            what, sure = "says that it failed", 0.2
        elif apologies >= REPEATED_APOLOGIES and APOLOGY.search(head):
            what, sure = "apologises again and again", 0.2
        else:
            continue
        confidence = round(sure * context.reading.credence(said.index), 3)
        yield Signal(
            LEFT, "agent_admission", 0.15, confidence, f"the agent {what}: {clip(said.text)}", Where((), said.index),
            summary=f"the agent {what}",
        )  # fmt: skip


def agent_loops(trace: Trace, context: Context) -> Iterator[Signal]:
    """The agent says the same again, or nearly: it asks once more for what was given, or is stuck.

    What resembles something said before needs a few words to be told apart from a set phrase. What is the same to the letter
    does not, where the user spoke in between: a question counts when it is put again, anything else when it is said thrice.
    """
    earlier: list[frozenset[str]] = []
    stuck = _stuck(context.reading)
    for said in context.reading.agents:
        bag = words(said.plain[:OPENING])
        alike = max((likeness(bag, other) for other in earlier[-6:]), default=0.0)
        near = 0.3 + 1.2 * (alike - 0.75) if alike >= 0.75 and len(bag) >= 5 and said.before else 0.0
        confidence = max(near, stuck.get(said.index, 0.0))
        if confidence > 0:
            yield Signal(
                LEFT, "agent_loop", 0.25, round(confidence * context.reading.credence(said.index), 3),
                f"the agent says the same again: {clip(said.text)}", Where((), said.index),
                summary="the agent says the same again",
            )  # fmt: skip
        earlier.append(bag)


def _stuck(reading: Reading) -> dict[int, float]:
    """How sure it is, by message, that the agent is stuck: its turns end on the same words, whatever the user answers."""
    found: dict[int, float] = {}
    run: dict[str, int] = {}
    for said in _turn_ends(reading):
        whole = _PUNCTUATION.sub(" ", said.plain).strip()
        sentences = (sentence.strip() for sentence in _SENTENCE.findall(said.plain[:OPENING]))
        run = {text: run.get(text, 0) + 1 for text in {whole, *sentences}}
        again = [text for text, times in run.items() if times > 1]
        most = max((run[text] for text in again if run[text] >= _too_often(text, said.plain, text == whole)), default=0)
        if most:
            found[said.index] = 0.55 if most == 2 else 0.7
    return found


def _too_often(text: str, message: str, whole: bool) -> int:
    """How many turns in a row may not end on this: a message as a whole, or a sentence of one.

    Of a sentence only a request for information counts. Set phrases, such as the offer of more help, may be said for ever.
    """
    told = message if whole else text
    asks = ASKS_FOR.search(told) is not None
    if not text or SET_PHRASE.fullmatch(text) or (OFFERS_MORE.search(told) and not asks):
        return sys.maxsize
    if not whole:
        return 3 if asks else sys.maxsize
    return 2 if asks or ASKS.search(message) or message.endswith("\uff1f") else 3


def _turn_ends(reading: Reading) -> Iterator[Utterance]:
    """What the agent said last before each message of the user, and at the end, where the user spoke before it."""
    last: Utterance | None = None
    asked = {said.index for said in reading.users}
    for said in sorted((*reading.users, *reading.agents), key=lambda u: u.index):
        if said.index not in asked and said.before:
            last = said
        elif said.index in asked and last is not None:
            yield last
            last = None
    if last is not None:
        yield last


def unusual_effort(trace: Trace, context: Context) -> Iterator[Signal]:
    """The conversation took more than is usual for its agent: a weak sign of going astray, less weak the more it took.

    Little work is none: a question that needs no tool is answered without one. Needs peers.
    """
    usual = context.peers.usual_for(trace)
    if usual is None:
        return
    unit = usual.unit
    took, common = effort(trace).amount(unit), usual.amount(unit)
    deviation = max(1.0, context.peers.spread_for(trace).amount(unit))
    if took < MUCH * common or took <= common + FAR * deviation:
        return
    confidence = 0.15 + 0.6 * min(1.0, (took / common - 1.0) / 2.0)
    yield Signal(
        LEFT, "unusual_effort", 0.3, round(confidence, 3), f"the conversation took {took:g} {unit}, where {common:g} are usual",
        Where((), context.reading.last_index), summary=f"the conversation took more {unit} than most",
    )  # fmt: skip


def unmet_confirmations(trace: Trace, context: Context) -> Iterator[Signal]:
    """The agent asks for a go-ahead, the user gives it, and the agent, which has tools, does nothing."""
    reading = context.reading
    if not reading.tools and not reading.offered:
        return
    acted = {use.index for use in reading.tools}
    replies = {i - 1: i for i, m in enumerate(trace.messages) if i and role_of(m) == "agent"}
    for said in reading.users:
        reply = replies.get(said.index)
        if reply is None or reply in acted or not GO_AHEAD.match(said.plain) or not ASKS.search(said.before[-400:]):
            continue
        if not OFFERS_MORE.search(said.before[-200:]):
            yield Signal(
                LEFT, "unmet_confirmation", 0.6, 0.4, f"the user agrees, and the agent does nothing: {clip(said.text)}",
                Where((), reply), summary="the user agrees, and the agent does nothing",
            )  # fmt: skip
