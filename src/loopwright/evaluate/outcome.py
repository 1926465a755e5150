"""What a failed conversation should have come to, without a label: from what the agent did elsewhere when asked the same.

Answers to one request that agree are more often right than the one that stands alone (self-consistency: Wang et al. 2022). So an
act that most conversations of the same request hold and the failed one lacks is asked for, and an act that it alone holds is
refused. Where nothing sets it apart so clearly, but at least half of the others came to something else, all that is said is that
the failed outcome must not come about again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loopwright.collect.trace import Message
from loopwright.evaluate.acts import Act, acts, paired
from loopwright.evaluate.case import Check
from loopwright.evaluate.data_checks import same
from loopwright.evaluate.surroundings import Recorded
from loopwright.mine.reading import role_of
from loopwright.wording import counted

AGREEING = 2
"""Fewer conversations than this agree on nothing."""

MOST_ACTS = 25
"""A conversation with more acts than this is a long piece of work, and no few acts are its outcome."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The checks of an outcome; in words what is `wanted`, and what is `told` of the failed conversation.

    `before` is the index of the message with the act that should not have been, where there is one: the rest is aftermath.
    """

    checks: tuple[Check, ...]
    wanted: str
    told: str
    before: int | None = None


def outcome(messages: Sequence[Message], others: Sequence[Recorded]) -> Outcome | None:
    """What is to be checked of the outcome of a failed conversation; `others` hold the same request.

    None where nothing can be said: there are too few others, or most of them did what the failed one did.
    """
    own = acts(messages)
    others = [other for other in others if len(other.acts) <= MOST_ACTS and _speaks_of(own, messages, other)]
    if len(own) > MOST_ACTS or not others or not (own or any(other.acts for other in others)):
        return None
    lacks, adds = _lacking(own, messages, others), _adding(own, others)
    if lacks or adds:
        return _set_apart(lacks, adds, len(others))
    otherwise = sum(not alike(own, other.acts) for other in others)
    if len(others) < AGREEING or 2 * otherwise < len(others):
        return None
    done = ", ".join(map(_named, own)) or "nothing was done"
    told = (
        f"It comes to this: {done}; {otherwise} of {counted(len(others), 'conversation')} with the "
        "same request came to something else"
    )
    return Outcome((_not_again(own, others),), f"does not come to this alone: {done}", told, own[0].index if own else None)


def _set_apart(lacks: Sequence[tuple[Act, int]], adds: Sequence[Act], others: int) -> Outcome:
    """What the failed conversation lacks and what it alone has, as checks and in words."""
    called = [Check("tool_called", {**_options(act), "succeeded": True}) for act, _ in lacks]
    avoided = [Check("tool_not_called", {**_options(act), "succeeded": True}) for act in adds]
    wanted = [*(f"calls {_named(act)}" for act, _ in lacks), *(f"does not call {_named(act)}" for act in adds)]
    told = [
        *(
            f"lacks {_named(act)}, which {times} of {counted(others, 'conversation')} with the same request have"
            for act, times in lacks
        ),
        *(f"has {_named(act)}, which none of {counted(others, 'conversation')} with the same request has" for act in adds),
    ]
    before = min((act.index for act in adds if act.index is not None), default=None)
    return Outcome((*called, *avoided), "; ".join(wanted), "The conversation " + "; it ".join(told), before)


def alike(one: Sequence[Act], other: Sequence[Act]) -> bool:
    """Whether a conversation did what the first did, in whatever order: the same calls, maybe with more arguments."""
    return paired(one, other, Act.within)


def _speaks_of(own: Sequence[Act], messages: Sequence[Message], other: Recorded) -> bool:
    """Whether a conversation is about what was acted on: not doing that elsewhere says nothing where it was never spoken of."""
    if other.same_subject:
        return True
    asked = "\n".join(m.text for m in messages if role_of(m) == "user").lower()
    known = _text_of(other.messages)
    for act in own:
        values = [str(value).lower() for value in _leaves(act.arguments) if not isinstance(value, bool)]
        said = [value for value in values if value in asked]
        if not all(value in known for value in said) or not (said or not values or any(value in known for value in values)):
            return False
    return True


def _lacking(own: Sequence[Act], messages: Sequence[Message], others: Sequence[Recorded]) -> list[tuple[Act, int]]:
    """Acts that most of the others hold and the failed one lacks, as far as their arguments agree, with how many hold them.

    What an act is about must stand in the failed conversation too: else the others were asked something else.
    """
    known = _text_of(messages)
    found: list[tuple[Act, int]] = []
    for act in (act for other in others for act in other.acts):
        holding = [near for other in others if (near := _nearest(act, other.acts)) is not None]
        if len(holding) < AGREEING or 2 * len(holding) <= len(others):
            continue
        common = {
            k: v for k, v in act.arguments.items() if all(same(v, near.arguments[k]) for near in holding) and _stands_in(v, known)
        }
        agreed = Act(act.name, common)
        if common and not any(agreed.within(o) for o in own) and not any(a.like(agreed) for a, _ in found):
            found.append((agreed, len(holding)))
    return [(act, n) for act, n in found if not any(other is not act and _narrower(other, act) for other, _ in found)]


def _nearest(act: Act, among: Sequence[Act]) -> Act | None:
    """The act of the same tool and the same kind of arguments that shares most of them; None where it shares none."""
    same_tool = [a for a in among if a.name == act.name and a.arguments.keys() >= act.arguments.keys()]
    best = max(same_tool, key=lambda a: _shared(act, a), default=None)
    return best if best is not None and (_shared(act, best) or not act.arguments) else None


def _shared(act: Act, other: Act) -> int:
    return sum(same(value, other.arguments.get(key)) for key, value in act.arguments.items())


def _adding(own: Sequence[Act], others: Sequence[Recorded]) -> list[Act]:
    """Acts of the failed conversation that none of the others holds: by the tool's name where none of them uses it."""
    if len(others) < AGREEING:
        return []
    elsewhere = [act for other in others for act in other.acts]
    used = {act.name for act in elsewhere}
    alone = [
        act if act.name in used else Act(act.name, {}, act.index)
        for act in own
        if not any(act.within(other) for other in elsewhere)
    ]
    return [act for place, act in enumerate(alone) if not any(act.like(before) for before in alone[:place])]


def _narrower(one: Act, other: Act) -> bool:
    return other.within(one) and len(one.arguments) > len(other.arguments)


def _not_again(own: Sequence[Act], others: Sequence[Recorded]) -> Check:
    tools = sorted({act.name for other in others for act in other.acts} | {act.name for act in own})
    return Check("not_exact_calls", {"calls": tuple(_options(act) for act in own), "tools": tuple(tools)})


def _options(act: Act) -> dict[str, Any]:
    return {"name": act.name, **({"arguments": act.arguments} if act.arguments else {})}


def _named(act: Act) -> str:
    told = ", ".join(f"{key}: {value}" for key, value in act.arguments.items() if isinstance(value, str | int | float))
    return f"{act.name} ({told})" if told else act.name


def _text_of(messages: Sequence[Message]) -> str:
    calls = (str(call.arguments) for m in messages for call in m.tool_calls)
    return "\n".join((*(m.text for m in messages), *calls)).lower()


def _stands_in(value: Any, known: str) -> bool:
    """Whether every text and number in a value stands in what was said or found."""
    return all(isinstance(leaf, bool) or str(leaf).lower() in known for leaf in _leaves(value))


def _leaves(value: Any) -> Iterator[str | int | float]:
    """Every text, number and truth value in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value
