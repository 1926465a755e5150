"""Names of failure modes: the words that set each apart from the others."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from loopwright.mine.speech import spoken

TERMS = 8
NAME_TERMS = 3
_LONGEST_TERM = 40
_PRIOR = 0.5  # weight of the prior, in words a document of the whole
_COMMON = 0.2  # share of a mode's failures that a word of its name occurs in
_MARK = re.compile(r"<[a-z]+>")
_WORD = re.compile(r"[^\W\d_](?:[\w.-]*[^\W_])?(?:['’][^\W\d_]+)?")
# English function words, and those that reasons are made of. Words of other languages are told apart by how often they are said.
_STOP = frozenset(
    """a about above after again agent agrees all already also am an and any are aren't around as asked asks at be because been
    before being below between both but by called calls came can can't cannot come conversation conversations could
    couldn't did didn't do does doesn't doing don't done dont down during each either else ended ends ever few for from
    further get gets getting give go goes going gonna got had has hasn't have haven't having he he's hello her here hers
    hey hi him his how how's however i i'd i'll i'm i've id if ill im in into is isn't it it's its itself ive just know
    last let let's like made make many may me might more most much must my myself need needs no nobody nor not now of off ok okay
    on once one only or other our ours out over own please politely quite rather really right said same say says see shall she
    should shouldn't so some still such sure take tell than thank thanks that that's the their theirs them then there
    there's these they they're thinks this those through till to too took tool tools under until unusually up upon us use
    used user users using very want wanted wants was wasn't we we're we've well were weren't what what's whats when where
    which while who whose why will with within without won't would wouldn't yes yet you you'd you'll you're you've your
    yours""".split()  # noqa: SIM905
)


@dataclass(slots=True)
class Document:
    """One distinct masked text, the group it is in (-1 for none) and how many failures it stands for."""

    text: str
    group: int
    weight: int


@dataclass(slots=True)
class _Counts:
    """In how many failures each word occurs, and where in the text on average."""

    words: Counter[str] = field(default_factory=Counter)
    places: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    failures: int = 0


def contrastive_terms(documents: Sequence[Document], groups: int) -> list[tuple[str, ...]]:
    """For each group, up to eight words by how much more often its failures hold them than all others do.

    The measure is the log-odds ratio with an informative Dirichlet prior, over its standard deviation (Monroe, Colaresi and
    Quinn 2008, "Fightin' Words"), on the number of failures that hold the word.
    """
    counts, total = _count(documents, groups)
    return [tuple(term for term, _ in _ranked(row, total)[:TERMS]) for row in counts]


def names(documents: Sequence[Document], groups: int, fallbacks: Sequence[str]) -> list[str]:
    """For each group a short name, unlike all others: its strongest words, in the order in which people say them.

    A group without any word is named by its fallback. The same name twice is told apart by a further word, or by a number.
    """
    counts, total = _count(documents, groups)
    taken: set[str] = set()
    made: list[str] = []
    for index, row in enumerate(counts):
        strong = [(t, s) for t, s in _ranked(row, total)[: 4 * TERMS] if s > 0 or groups == 1]
        common = [t for t, _ in strong if row.words[t] >= _COMMON * row.failures] or [t for t, _ in strong]
        distinct = _unlike(common or [t for t, _ in _ranked(row, total)[:TERMS]])
        name = next((n for n in _candidates(distinct, row) if n not in taken), "")
        base = name or " ".join(distinct[:NAME_TERMS]) or fallbacks[index] or "failures without words"
        number = 2
        name = name or base
        while name in taken:
            name = f"{base} ({number})"
            number += 1
        taken.add(name)
        made.append(name)
    return made


def words_of(text: str) -> list[str]:
    """The words of a masked text that carry meaning, lowercase: no marks, no stop words."""
    found = (word.lower().replace("’", "'") for word in _WORD.findall(_MARK.sub(" ", spoken(text))))
    return [word[:_LONGEST_TERM] for word in found if len(word) > 1 and word not in _STOP]


def _candidates(terms: Sequence[str], row: _Counts) -> list[str]:
    def spoken(some: Sequence[str]) -> str:
        return " ".join(sorted(some, key=lambda term: (row.places[term] / row.words[term], term)))

    first = list(terms[:NAME_TERMS])
    return [spoken(first)] * bool(first) + [spoken([*first, more]) for more in terms[NAME_TERMS:]]


def _count(documents: Sequence[Document], groups: int) -> tuple[list[_Counts], _Counts]:
    counts, total = [_Counts() for _ in range(groups)], _Counts()
    for document in documents:
        first: dict[str, int] = {}
        for place, word in enumerate(words_of(document.text)):
            first.setdefault(word, place)
        for row in (total, counts[document.group]) if document.group >= 0 else (total,):
            row.failures += document.weight
            for word, place in first.items():
                row.words[word] += document.weight
                row.places[word] += document.weight * place / len(first)
    return counts, total


def _ranked(row: _Counts, total: _Counts) -> list[tuple[str, float]]:
    scored = [(word, _log_odds(count, row.failures, total.words[word], total.failures)) for word, count in row.words.items()]
    return sorted(scored, key=lambda pair: (-round(pair[1], 9), -row.words[pair[0]], pair[0]))


def _log_odds(inside: float, group: float, everywhere: float, total: float) -> float:
    """The z of the log-odds ratio: `inside` of the group's failures hold the word, and `everywhere` of all."""
    prior = _PRIOR * everywhere / total
    outside, others = everywhere - inside, total - group
    ratio = math.log((inside + prior) / (group - inside + _PRIOR)) - math.log((outside + prior) / (others - outside + _PRIOR))
    return ratio / math.sqrt(1.0 / (inside + prior) + 1.0 / (outside + prior))


def _unlike(terms: Sequence[str]) -> list[str]:
    """The terms without those that only inflect an earlier one."""
    chosen: list[str] = []
    for term in terms:
        if not any(_stem(term) == _stem(other) for other in chosen):
            chosen.append(term)
    return chosen


def _stem(term: str) -> str:
    for ending in ("'s", "ies", "ing", "es", "ed", "s", "e", "y"):
        if term.endswith(ending) and len(term) - len(ending) >= 3:
            return term[: -len(ending)]
    return term
