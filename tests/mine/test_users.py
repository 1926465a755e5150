from __future__ import annotations

import numpy as np
import pytest

from builders import assistant, trace, user
from loopwright.collect.trace import Feedback
from loopwright.mine.signal import FailureSignal
from mining import found

OFFER = assistant("I have booked a table for two at seven. Is that right?")


def after(text: str, said: str = "I have booked a table for two at seven. Is that right?", more: str = "Let me see."):
    return trace(user("A table tonight, please"), assistant(said), user(text), assistant(more))


@pytest.mark.parametrize(
    "text",
    [
        "No, that's wrong.",
        "That is not what I asked for",
        "You misunderstood, it was for lunch",
        "I already told you my address",
        "I said Tuesday",
        "You didn\u2019t answer my question",
        "it still doesn't work",
        "Same error as before",
        "Why did you cancel the other one?",
        "please undo that",
        "not Berlin but Bern",
        "Are you sure? The page says otherwise.",
        "as I mentioned, I only have the old card",
    ],
)
def test_a_correction_is_found_at_the_users_message(text):
    (signal,) = found("user_correction", after(text))
    assert signal.type is FailureSignal.USER_CORRECTION
    assert signal.where.message_index == 2
    assert signal.confidence >= 0.4


@pytest.mark.parametrize(
    "text",
    [
        "No problem, thank you!",
        "No worries, take your time",
        "If that's right, go ahead",
        "Correct me if I am mistaken, but is it by the window?",
        "Yes, that's correct.",
        "What could go wrong?",
        "No, that is all, thanks.",
        "Great, can you also order a cake?",
        "I was told by a friend that you are good",
        "My order number is 4411",
    ],
)
def test_what_sounds_like_a_correction_is_none(text):
    assert not found("user_correction", after(text))


def test_the_first_message_corrects_nobody():
    assert not found("user_correction", trace(user("Your answer is wrong, says my teacher. Why?"), assistant("Let us see.")))


@pytest.mark.parametrize(("text", "less"), [("it still doesn't work for me", True), ("No, that's wrong, I said Tuesday", False)])
def test_displeasure_after_a_rule_counts_less_and_a_direct_correction_does_not(text, less):
    (at_rule,) = found("user_correction", after(text, said="Our policy does not allow changes to this booking."))
    (otherwise,) = found("user_correction", after(text))
    assert (at_rule.confidence < otherwise.confidence) is less


def test_a_refusal_with_a_new_value_is_surer_than_a_bare_one():
    (bare,) = found("user_refusal", after("No."))
    (new,) = found("user_refusal", after("No, make it half past eight"))
    assert bare.where.message_index == new.where.message_index == 2
    assert 0 < bare.confidence < new.confidence


@pytest.mark.parametrize(
    "text", ["Can you find another one?", "Show me more options", "That is too expensive", "Do you have something else?"]
)
def test_asking_for_something_else_is_weak_evidence(text):
    (signal,) = found("user_refusal", after(text, said="How about the Swan?"))
    assert signal.confidence <= 0.2


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Is there anything else I can help you with?", "No, that's all."),
        ("Can I do anything else for you?", "Nope"),
        ("How about the Swan?", "Yes, please"),
        ("How about the Swan?", "No problem, book it"),
        ("Would you like a receipt?", "No thanks, bye"),
        ("It is cancelled.", "Thank you! I have another order to change."),
        ("Why do you cancel?", "The reason is a change of plans"),
    ],
)
def test_leaving_is_no_refusal(said, text):
    assert not found("user_refusal", after(text, said=said))


def test_leaving_after_a_failure_is():
    assert found("user_refusal", after("No, that's all.", said="Sorry, I could not book it. Is there anything else?"))


def test_a_request_made_again_is_found_though_rephrased():
    asked = trace(
        user("Can you cancel my order for the blue lamp?"),
        assistant("We sell many lamps."),
        user("I want my blue lamp order cancelled, can you do it?"),
        assistant("Let me see."),
    )
    (signal,) = found("user_reask", asked)
    assert signal.where.message_index == 2


@pytest.mark.parametrize(
    "second",
    ["What about a red lamp?", "Yes, cancel my order for the blue lamp", "Thank you", "And when will the refund for it arrive?"],
)
def test_a_new_request_or_a_confirmation_is_no_reask(second):
    first = user("Can you cancel my order for the blue lamp?")
    assert not found("user_reask", trace(first, assistant("Shall I cancel the order?"), user(second), assistant("Yes.")))


def test_two_messages_in_a_row_are_no_reask():
    twice = user("Can you cancel my order for the blue lamp?")
    assert not found("user_reask", trace(twice, twice, assistant("Done.")))


def test_vectors_find_a_reask_that_words_do_not():
    first, second = "How do I get my money back?", "What is the procedure for reimbursement, please?"
    asked = trace(user(first), assistant("We value you."), user(second), assistant("We do."))
    same = {first: np.array([1.0, 0.0]), second: np.array([1.0, 0.0])}
    far = {first: np.array([1.0, 0.0]), second: np.array([0.0, 1.0])}
    assert not found("user_reask", asked)
    assert found("user_reask", asked, vectors=same)
    assert not found("user_reask", asked, vectors=far)


@pytest.mark.parametrize(
    "text",
    [
        "Let me talk to a human",
        "Can I speak to your manager?",
        "please transfer me",
        "human agent please",
        "I want a real person",
        "I need to file a complaint",
    ],
)
def test_asking_for_a_person_is_found(text):
    (signal,) = found("human_request", after(text))
    assert signal.where.message_index == 2


@pytest.mark.parametrize(
    "text",
    [
        "I want a table for one person",
        "Find me a real estate agent",
        "What is the price per person?",
        "I would rather not be transferred",
        "My travel agent booked it",
    ],
)
def test_a_person_who_is_something_else_is_not(text):
    assert not found("human_request", after(text))


def test_feedback_is_taken_at_its_word():
    base = after("ok")
    thumb = trace(*base.messages, feedback=(Feedback("thumb", False, negative=True, message_index=1, comment="useless"),))
    (signal,) = found("negative_feedback", thumb)
    assert signal.where.message_index == 1
    assert "useless" in signal.reason
    good = (Feedback("thumb", True, negative=False), Feedback("rating", 3, negative=None), Feedback("correction", negative=False))
    assert not found("negative_feedback", trace(*base.messages, feedback=good))


def test_a_failed_evaluation_is_a_judges_signal():
    judged = trace(*after("ok").messages, feedback=(Feedback("evaluation", False, negative=True, source="grader"),))
    (signal,) = found("negative_feedback", judged)
    assert signal.type is FailureSignal.LLM_JUDGE_FAIL


def test_a_correction_outranks_what_is_read_from_wording():
    corrected = trace(*after("that's wrong").messages, feedback=(Feedback("correction", "the answer is 4"),))
    (signal,) = found("negative_feedback", corrected)
    (worded,) = found("user_correction", corrected)
    assert signal.severity * signal.confidence > worded.severity * worded.confidence


def test_what_people_write_about_it_is_kept_apart_in_their_words():
    rated = Feedback("rating", 1, negative=True, comment=" the second suitcase was not free ")
    (signal,) = found("negative_feedback", trace(*after("ok").messages, feedback=(rated,)))
    assert signal.words == "the second suitcase was not free"
    assert signal.words not in signal.summary
