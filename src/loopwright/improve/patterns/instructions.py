"""Instructions that can be held against what an agent does: read from a system prompt, or from what a user asked for.

Only what can be checked without a model is read: phrases to use or to avoid, form, length and language of answers, tools not to
call, a word from the user before something is changed, one call at a time. A sentence with a condition is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from json import JSONDecodeError, loads

from loopwright.collect.trace import ToolCall
from loopwright.guards.claims import values_in
from loopwright.guards.tool_names import words_of
from loopwright.improve.patterns.limits import limit_of, untouched, uses
from loopwright.mine.agent_wording import PERSON_TOOL

LONGEST = 400
"""Characters of a sentence that is read as an instruction."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the agent: what it says, what it calls, what the user said last, and which tools change something.

    `agreed` is whether the user said yes to a question since something was last changed; `failed` names the calls that changed
    nothing.
    """

    text: str
    calls: tuple[ToolCall, ...]
    asked: str
    writes: frozenset[str]
    agreed: bool = False
    failed: frozenset[str] = frozenset()

    @property
    def changing(self) -> list[ToolCall]:
        """The calls that changed something."""
        return [call for call in self.calls if call.name in self.writes - self.failed]


Broken = Callable[[Turn], bool | None]
"""Whether a turn breaks an instruction; None where it has no occasion to."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """A sentence that tells the agent what to do, the message where it stands, and how a turn is held against it.

    What is `loose` is evidence only where it was kept before: it may be meant otherwise.
    """

    text: str
    index: int
    broken: Broken
    loose: bool = False


_SENTENCE = re.compile(r"(?<=[.!?])[\"”']?\s+|\n+")
_CONDITION = re.compile(
    r"\b(?:if|unless|when(?:ever)?|except|until|in case|where"
    r"|without(?! (?:any )?(?:emoji|emoticon|markdown|bullet|bold|heading|table|exclam)))\b",
    re.IGNORECASE,
)
_NOT = r"(?:never|do not|don'?t|must not|should not|shouldn'?t|avoid|no longer|refrain from|under no circumstances)"
_ALWAYS = r"(?:always|every|each|must|all (?:your )?(?:answers|replies|responses|messages)|from now on|make sure|be sure|ensure)"
_QUOTED = r"(?<!\w)[\"“'‘`](?P<phrase>[^\"”’`\n]{2,80}?)[\"”'’`]"
_QUOTES = re.compile(_QUOTED.replace("?P<phrase>", ""))
_USE = (
    r"(?:say|saying|use|using|writ\w+|mention\w*|includ\w+|add\w*|append\w*|end\w*|finish\w*|clos\w+|sign\w*|conclud\w+|begin\w*"
    r"|start\w*|open\w*|call\w*)"
)
_PHRASE_DUE = re.compile(rf"\b{_ALWAYS}\b.{{0,60}}?\b{_USE}\b.{{0,40}}?{_QUOTED}", re.IGNORECASE)
_PHRASE_BANNED = re.compile(rf"\b{_NOT}\b.{{0,30}}?\b{_USE}\b.{{0,30}}?{_QUOTED}", re.IGNORECASE)
_TOPIC = re.compile(
    rf"\b{_NOT} (?:ever |please )?(?:mention|discuss|bring up|talk about|offer|suggest|recommend|promise|reveal|disclose|quote"
    r"|mentioning|discussing|offering|suggesting|recommending|promising|revealing|quoting)(?: me| us| the (?:user|customer))? "
    r"(?:the |any |a |an |our |your |my |about )*(?P<topic>[a-z][\w -]{2,40}?)"
    r"(?: to (?:me|the user|customers?)| again| at all| anymore)?[.!,;]?$",
    re.IGNORECASE,
)
_CASE = re.compile(
    r"\b(?:in|use|only)\b.{0,20}?\b(?P<case>lower|upper)[- ]?case\b|\b(?P<caps>all[- ]caps|capital letters)\b", re.IGNORECASE
)
_FORM = re.compile(
    rf"\b(?:{_NOT}|no|without|zero)\b[^.]{{0,30}}?\b(?P<form>emojis?|emoticons|markdown|bullet(?:s| points?)?|bulleted lists?"
    r"|bold|exclamation (?:marks?|points?)"
    r"|headings?|tables?)\b|\b(?P<json>(?:only|always|valid)\b[^.]{0,30}\bJSON|JSON only)\b",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"\b(?:at most|no more than|not more than|under|within|fewer than|less than|max(?:imum)?(?: of)?|up to|exceed(?:ing)?"
    r"|longer than|in) (?P<count>\d{1,4}|one|two|three|four|five) (?P<unit>words?|sentences?|characters?)\b",
    re.IGNORECASE,
)
_ANSWERS = re.compile(r"\b(?:answers?|repl(?:y|ies)|respon(?:d|ses?)|messages?|keep|write|speak|be brief|limit)\b", re.IGNORECASE)
_LANGUAGE = re.compile(
    r"\b(?:answer|reply|respond|write|speak|communicate|repl(?:y|ies)|responses?)\b.{0,30}?\bin "
    r"(?P<language>english|spanish|french|german|italian|portuguese|dutch)\b",
    re.IGNORECASE,
)
_TOOL_BANNED = re.compile(
    rf"\b{_NOT} (?:ever |please )?(?:call|use|invoke|run|calling|using)\b(?P<rest>[^.]{{0,80}})", re.IGNORECASE
)
_DEED_BANNED = re.compile(
    r"\b(?:don'?t|do not|never)(?: ever| you| want you to| want to| go and| just)? (?P<verb>[a-z]{3,12})\b(?P<rest>[^.?!]{0,60})",
    re.IGNORECASE,
)
_DECLINES = re.compile(
    r"\b(?:not interested in|(?:don'?t|do not) (?:want|need|wish for)|no need for)(?: to (?:buy|add|purchase|have))? "
    r"(?:any |the |an? |my )*(?P<thing>(?!you\b|to\b)[a-z]+(?: [a-z]+)?)",
    re.IGNORECASE,
)
_USER = r"(?:user|customer|client|caller|guest|patient|member|passenger|buyer|owner|person|student|tenant)"
_CONSENT = (
    r"(?:confirm\w*|consent|approval|permission|agreement|go-ahead|ok|yes)\b"
    rf"(?! (?:of|from|by) (?!(?:the |an? |your |our )?{_USER}))"
)
_ASK_FIRST = re.compile(
    rf"\b{_CONSENT}[^;]{{0,80}}\b(?:before|prior to|first)\b"
    rf"|\b(?:before|prior to)\b[^;]{{0,300}}\b(?:{_CONSENT}|ask (?:me|the user|them|first)\b)"
    r"|\b(?:check with|ask) me (?:first|before)\b",
    re.IGNORECASE,
)
_NOT_WITHOUT = re.compile(
    rf"\b{_NOT}\b[^;]{{1,150}}?\bwithout (?:(?:the|an?|their|your|his|her|first|having|getting|asking for|{_USER}(?:['’]s)?"
    rf"|explicit|clear|prior|express|written) )*{_CONSENT}",
    re.IGNORECASE,
)
_PREPARES = frozenset({"verify", "authenticate", "login", "request", "confirm", "validate", "escalate"})
_ONE_CALL = re.compile(
    r"\b(?:one|a single|1) (?:tool|function)(?: call)?s? (?:at a time|per (?:turn|message|step))\b",
    re.IGNORECASE,
)
_AGREES = re.compile(
    r"\b(?:yes|yeah|yep|yup|sure|ok(?:ay)?|please|go ahead|proceed|confirm(?:ed|s|ing)?|correct"
    r"|sounds? (?:good|great|right|perfect)|do (?:it|that|so)|works?|agree[ds]?|right|let'?s|perfect|fine"
    r"|absolutely|definitely|of course|i'?d like|i want|accept|great|good|si|oui|ja)\b",
    re.IGNORECASE,
)
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]|(?<!\\w)[:;]-?[)(DP](?!\\w)")
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_FORMS = {
    "emoji": _EMOJI, "emoticon": _EMOJI, "markdown": re.compile(r"\*\*\S|^#{1,4} |^\s*[-*] |`", re.MULTILINE),
    "bullet": re.compile(r"^\s*[-*•] ", re.MULTILINE), "bold": re.compile(r"\*\*\S"), "exclamation": re.compile("!"),
    "heading": re.compile(r"^#{1,4} ", re.MULTILINE), "table": re.compile(r"^\|.*\|", re.MULTILINE),
}  # fmt: skip
_TELLING = {
    "english": "the and is you your to of for with have this that are can",
    "spanish": "el la los de que y en un una para con su es por puede",
    "french": "le la les de et que vous pour est un une votre avec dans je",
    "german": "der die das und ist nicht sie ich für mit ein eine zu den wir",
    "italian": "il la che di e per un una è con non sono del può lei",
    "portuguese": "o a os que de e para um uma com não seu é do você",
    "dutch": "de het een en van is dat niet u voor met op zijn kan ik",
}


def read_instructions(text: str, index: int, tools: frozenset[str], by_user: bool = False) -> Iterator[Instruction]:
    """The instructions that a message gives; `tools` are those that exist."""
    for sentence in _SENTENCE.split(text[:40000]):
        line = sentence.strip(" \t-*•")
        if not 8 <= len(line) <= LONGEST or "?" in _QUOTES.sub("", line):
            continue
        broken = _reading(line, tools, by_user)
        if broken is not None:
            yield Instruction(line, index, broken)
        elif by_user and (breaks := limit_of(line)) is not None:
            yield Instruction(line, index, _within(breaks), loose=True)


def agrees(text: str) -> bool:
    """Whether a user's message lets the agent go ahead, or asks it to."""
    return _AGREES.search(text) is not None


def _reading(line: str, tools: frozenset[str], by_user: bool) -> Broken | None:
    if not by_user and (_NOT_WITHOUT.search(line) or (_ASK_FIRST.search(line) and not _CONDITION.search(line))):
        return _unasked
    if _ONE_CALL.search(line):
        return _many_calls
    if _CONDITION.search(line):
        return None
    for read in (_phrases, _form, _length):
        broken = read(line)
        if broken is not None:
            return broken
    return _tool(line, tools) or _topic(line) or (_of_user(line, tools) if by_user else None)


def _of_user(line: str, tools: frozenset[str]) -> Broken | None:
    return _deed(line, tools) or _untouched(line) or _declined(line)


def _phrases(line: str) -> Broken | None:
    banned = _PHRASE_BANNED.search(line)
    if banned:
        phrase = banned.group("phrase").lower().strip(" .!")
        return _spoken(lambda text: phrase in text.lower())
    due = _PHRASE_DUE.search(line)
    if due:
        wanted = due.group("phrase").lower().strip(" .!")
        return _spoken(lambda text: wanted not in text.lower())
    return None


def _form(line: str) -> Broken | None:
    case = _CASE.search(line)
    if case and _ANSWERS.search(line):
        lower = (case.group("case") or "upper").lower() == "lower"
        return _spoken(lambda text: text != (text.lower() if lower else text.upper()))
    found = _FORM.search(line)
    if found is None:
        language = _LANGUAGE.search(line)
        return _spoken(_other_language(language.group("language").lower())) if language else None
    if found.group("json"):
        return _spoken(lambda text: not _is_json(text)) if _ANSWERS.search(line) else None
    pattern = next(p for name, p in _FORMS.items() if found.group("form").lower().startswith(name))
    return _spoken(lambda text: pattern.search(text) is not None)


def _length(line: str) -> Broken | None:
    found = _LENGTH.search(line)
    if found is None or not _ANSWERS.search(line):
        return None
    count, unit = found.group("count").lower(), found.group("unit").lower()
    most = _NUMBERS.get(count) or int(count)
    return _spoken(lambda text: _count(text, unit) > most)


def _tool(line: str, tools: frozenset[str]) -> Broken | None:
    found = _TOOL_BANNED.search(line)
    if found is None:
        return None
    named = frozenset(tool for tool in tools if re.search(rf"(?<!\w){re.escape(tool)}(?!\w)", found.group("rest")))
    return (lambda turn: any(call.name in named for call in turn.calls) if turn.calls else None) if named else None


def _topic(line: str) -> Broken | None:
    found = _TOPIC.search(line)
    if found is None:
        return None
    topic = re.compile(rf"\b{re.escape(found.group('topic').strip().lower().removesuffix('s'))}s?\b")
    return _spoken(lambda text: topic.search(text.lower()) is not None)


def _declined(line: str) -> Broken | None:
    """What the user does not want: broken where the agent says that it was added."""
    found = _DECLINES.search(line)
    if found is None:
        return None
    thing = re.escape(found.group("thing").strip().lower())
    given = re.compile(
        rf"\b(?:added|included|purchased|bought|signed you up for|applied|selected|booked)\b[^.?!]{{0,40}}\b{thing}"
    )
    return lambda turn: thing not in turn.asked.lower() and given.search(turn.text.lower()) is not None if turn.text else None


def _deed(line: str, tools: frozenset[str]) -> Broken | None:
    found = _DEED_BANNED.search(line)
    if found is None:
        return None
    verb = found.group("verb").lower()
    about = set(re.findall(r"[a-z]{4,}", found.group("rest").lower()))
    named = frozenset(tool for tool in tools if verb in words_of(tool))
    close = frozenset(tool for tool in named if about & {w for word in words_of(tool) for w in (word, word + "s")}) or named
    if not named:
        return None

    def broken(turn: Turn) -> bool | None:
        if not turn.calls:
            return None
        return verb not in turn.asked.lower() and any(call.name in close for call in turn.calls)

    return broken


def _untouched(line: str) -> Broken | None:
    """What is not to be used: broken where something is changed by means of it, unless the user brings it up."""
    thing = untouched(line)
    if not thing:
        return None

    def broken(turn: Turn) -> bool | None:
        if not turn.changing:
            return None
        return any(uses(call.arguments, thing) for call in turn.changing) and thing not in turn.asked.lower()

    return broken


def _within(breaks: Callable[[str], bool | None]) -> Broken:
    return lambda turn: breaks(turn.text) if turn.text.strip() else None


def _unasked(turn: Turn) -> bool | None:
    """Something is changed without a yes: the last message of the user is none, nor an answer to what was asked after one."""
    if all(prepares(call.name) for call in turn.changing):
        return None
    return not agrees(turn.asked) and not (turn.agreed and values_in(turn.asked))


def prepares(name: str) -> bool:
    """Whether a tool only prepares a change, by its name: it identifies the user, asks for a right, or hands over."""
    return PERSON_TOOL.search(name) is not None or not _PREPARES.isdisjoint(words_of(name)[:1])


def _many_calls(turn: Turn) -> bool | None:
    return len(turn.calls) > 1 if turn.calls else None


def _spoken(breaks: Callable[[str], bool]) -> Broken:
    return lambda turn: breaks(turn.text) if turn.text.strip() else None


def _count(text: str, unit: str) -> int:
    if unit.startswith("char"):
        return len(text)
    if unit.startswith("word"):
        return len(text.split())
    return len([s for s in re.split(r"[.!?]+(?:\s+|$)|\n+", text) if s.strip()])


def _is_json(text: str) -> bool:
    try:
        loads(text)
    except JSONDecodeError:
        return False
    return True


def _other_language(language: str) -> Callable[[str], bool]:
    def other(text: str) -> bool:
        words = re.findall(r"\w+", text.lower())
        hits: Sequence[tuple[int, str]] = sorted((sum(w in _TELLING[name].split() for w in words), name) for name in _TELLING)
        most, found = hits[-1]
        own = next(count for count, name in hits if name == language)
        return len(words) >= 8 and found != language and most >= 3 and most >= 2 * own

    return other
