from __future__ import annotations

from builders import assistant, case, trace, user
from loopwright.collect.trace import Message, Trace
from loopwright.evaluate.check import apply
from loopwright.evaluate.checks import CHECKS as KINDS
from loopwright.improve.proposal import Proposal, ProposalKind
from loopwright.improve.replay_cases import CHECKS, replay_cases, user_turns, without_own_trials


def asking(*texts: str, id: str) -> Trace:
    said = [m for text in texts for m in (user(text), assistant(f"about {text}"))]
    return trace(Message("system", "be brief"), *said, id=id)


EVIDENCE = Proposal(ProposalKind.RETRY_BUDGET, ("e2", "gone", "e1"))
TRACES = [asking("one", id="e1"), *(asking(f"o{n}", id=f"o{n}") for n in range(10)), asking("two", "three", id="e2")]


def test_the_evidence_comes_first_in_its_order_and_others_are_spread() -> None:
    made = replay_cases(EVIDENCE, TRACES, evidence=5, others=3)
    assert [c.source_trace_ids[0] for c in made] == ["e2", "e1", "o0", "o3", "o6"]
    assert [c.tags for c in made[:3]] == [("replay", "evidence"), ("replay", "evidence"), ("replay", "other")]
    assert made[0].input == [{"role": "user", "content": "two"}, {"role": "user", "content": "three"}]
    assert replay_cases(EVIDENCE, TRACES, evidence=1, others=0) == made[:1]
    assert len(replay_cases(EVIDENCE, TRACES, evidence=9, others=99)) == len(TRACES)


def test_ids_follow_from_what_is_said() -> None:
    same = [asking("two", "three", id="e2"), asking("two", "three", id="e1")]
    assert len(replay_cases(EVIDENCE, same)) == 1
    assert replay_cases(EVIDENCE, same)[0].id == replay_cases(EVIDENCE, TRACES)[0].id


def test_a_conversation_without_words_of_the_user_is_no_case() -> None:
    assert replay_cases(EVIDENCE, [trace(assistant("hello"), user(" "), id="e1")]) == ()
    assert user_turns(Trace("t")) == ()


def test_the_checks_are_known_and_sound() -> None:
    from loopwright.effects import TargetReply
    from loopwright.evaluate.check import Answer

    (first, *_) = replay_cases(EVIDENCE, TRACES)
    reply = TargetReply("fine", messages=({"role": "user", "content": "two"}, {"role": "assistant", "content": "fine"}))
    outcomes = [apply(KINDS.get(check.type), check, Answer(first, reply)) for check in CHECKS]
    assert [outcome.passed for outcome in outcomes] == [True, True, True]


def test_every_case_is_tried_as_often() -> None:
    assert [c.trials for c in without_own_trials([case("a", trials=3), case("b")])] == [None, None]
