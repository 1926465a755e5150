"""The other recorded conversations around a failure: what the agent did elsewhere, when it was asked the same.

No label is read. Conversations are compared by what their users said; a rare word, such as the number of an order, says more
than a common one (tf-idf: Sparck Jones 1972, with the smoothing 1 + log(n / df)).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

from loopwright.collect.trace import Message, Trace
from loopwright.evaluate.acts import Act, acts
from loopwright.mine.likeness import words
from loopwright.mine.reading import read
from loopwright.mine.signal import FailureTrace

SAME_REQUEST = 0.28
"""Cosine of the words of two users from which on they asked the same: nearly all repeats of a request, and hardly another."""

DOUBTED = 0.5
"""A conversation whose failure has this score or more is not taken as sound."""

CODE = 4
"""A word of this many characters with a digit in it may name a thing: an order, an account, a user."""

MOST = 20
"""So many conversations are enough to compare with."""


_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded conversation: its messages, what was done in it, and how much mining doubts it (its score, 0..1).

    `same_subject` tells, of one that was asked for, that its user named the same thing: a number or a code that few others name.
    """

    trace_id: str
    messages: tuple[Message, ...]
    acts: tuple[Act, ...] = ()
    agent: str | None = None
    doubt: float = 0.0
    same_subject: bool = True
    weights: Mapping[str, float] = field(default_factory=dict, repr=False)

    @property
    def sound(self) -> bool:
        """Whether mining found nothing strong against it."""
        return self.doubt < DOUBTED


class Surroundings:
    """Recorded conversations, to be asked for those that are comparable with one of them."""

    def __init__(self, traces: Iterable[Trace], failures: Iterable[FailureTrace] = ()) -> None:
        doubts = {failure.trace_id: failure.score for failure in failures}
        known = {trace.trace_id: trace for trace in traces if trace.messages}
        said = {id: _said(trace.messages) for id, trace in known.items()}
        self._size = len(known)
        self._rarity = Counter(word for bag in said.values() for word in bag)
        self._recorded = tuple(
            Recorded(id, trace.messages, acts(trace.messages), trace.agent, doubts.get(id, 0.0), weights=self._weigh(said[id]))
            for id, trace in known.items()
        )

    def without(self, trace_id: str) -> Surroundings:
        """The same but for one conversation."""
        fewer = copy(self)
        fewer._recorded = tuple(r for r in self._recorded if r.trace_id != trace_id)
        return fewer

    def __len__(self) -> int:
        return len(self._recorded)

    def same_request(self, trace_id: str, messages: Sequence[Message], agent: str | None = None) -> tuple[Recorded, ...]:
        """Other conversations of the agent in which the user asked the same, most alike first, `MOST` at most.

        Where the user named something, such as an order's number, only conversations that name it too ask the same.
        """
        own = self._weigh(_said(messages))
        near = [(_cosine(own, other.weights), other) for other in self._others(trace_id, agent)]
        alike = sorted(((c, r) for c, r in near if c >= SAME_REQUEST), key=lambda pair: (-pair[0], pair[1].trace_id))
        named = self._names(own)
        found = [replace(r, same_subject=bool(named & self._names(r.weights))) for _, r in alike]
        return tuple([r for r in found if r.same_subject or not named][:MOST])

    def comparable(
        self, trace_id: str, messages: Sequence[Message], agent: str | None = None, *, whole: bool
    ) -> tuple[Recorded, ...]:
        """What a draft is to be tried on: sound conversations with the same request.

        Without them, a draft of the `whole` conversation is tried on doubted ones with the same request, and any other on sound
        ones, whatever was asked.
        """
        alike = self.same_request(trace_id, messages, agent) if messages else ()
        sound = tuple(other for other in alike if other.sound)
        return sound or (alike if whole else self.sound(trace_id, agent))

    def sound(self, trace_id: str, agent: str | None = None) -> tuple[Recorded, ...]:
        """Other conversations of the agent against which mining found least, whatever was asked, `MOST` at most."""
        others = [other for other in self._others(trace_id, agent) if other.sound]
        return tuple(sorted(others, key=lambda r: (r.doubt, r.trace_id))[:MOST])

    def _others(self, trace_id: str, agent: str | None) -> Iterable[Recorded]:
        return (r for r in self._recorded if r.trace_id != trace_id and (agent is None or r.agent in (None, agent)))

    def _names(self, weights: Mapping[str, float]) -> frozenset[str]:
        """The numbers and codes among a user's words that few others say."""
        few = max(5, self._size // 8)
        return frozenset(w for w in weights if len(w) >= CODE and _DIGIT.search(w) and self._rarity[w] <= few)

    def _weigh(self, bag: frozenset[str]) -> dict[str, float]:
        rare = {word: 1 + math.log(max(self._size, 1) / max(self._rarity[word], 1)) for word in bag}
        length = math.hypot(*rare.values())
        return {word: weight / length for word, weight in rare.items()}


def _said(messages: Sequence[Message]) -> frozenset[str]:
    """The words of the user that carry meaning."""
    users = read(Trace("", messages=tuple(messages))).users
    return frozenset().union(*(words(said.plain) for said in users))


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    if len(one) > len(other):
        one, other = other, one
    return sum(weight * other.get(word, 0.0) for word, weight in one.items())


NOWHERE = Surroundings(())
"""No other conversations."""
