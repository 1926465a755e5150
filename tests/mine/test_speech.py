from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import assistant, trace, user
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.rank import mine
from loopwright.mine.reading import plain
from loopwright.mine.speech import closing, spoken


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Thanks! ###STOP###", "Thanks!"),
        ("###TRANSFER###", ""),
        ("bye<|end|>", "bye"),
        ("Done. [END]", "Done."),
        ("That is all. TERMINATE", "That is all."),
        ("TERMINATE", ""),
        ("the end</s>", "the end"),
        ("Please TERMINATE", "Please TERMINATE"),
        ("what does [END] mean?", "what does [END] mean?"),
        ("## Plan\n- book it", "## Plan\n- book it"),
        ("  as it is ", "  as it is "),
    ],
)
def test_marks_of_the_end_are_no_speech(text: str, said: str) -> None:
    assert spoken(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, bye", "Perfect, thank you so much!", "No, that is all. Thanks!", "Thank you for your help! Have a great day.",
        "Thank you. That resolves my issue.", "ok thanks ###STOP###", "Danke!", "Vielen Dank für die Hilfe", "Merci beaucoup",
        "¡Gracias!", "Muchas gracias por tu ayuda", "Obrigado", "Grazie mille", "Dank je wel", "Tack så mycket!", "Dziękuję",
        "Спасибо большое!", "Teşekkürler", "谢谢", "谢谢你的帮助！", "ありがとうございます。", "감사합니다", "شكرا", "धन्यवाद",
        "cảm ơn bạn",
    ],
)  # fmt: skip
def test_thanks_and_goodbyes_close(text: str) -> None:
    assert closing(plain(text))


@pytest.mark.parametrize(
    "text",
    [
        "", "no", "yes please", "Where is my parcel?", "Thanks, but it is still broken", "Thanks. Cancel order 12.",
        "Cancel order 12, thanks", "Gracias, ¿dónde está mi pedido?", "Danke, aber wo ist mein Paket", "我的包裹在哪里",
    ],
)  # fmt: skip
def test_a_request_does_not(text: str) -> None:
    assert not closing(plain(text))


def test_a_no_closes_after_the_offer_of_more_help_only() -> None:
    assert closing("no", "is there anything else i can help you with?")
    assert closing("no, i'm good, thanks", "anything else?")
    assert closing("non, merci", "puis-je faire autre chose pour vous ?")
    assert not closing("no", "shall i cancel it?")
    assert not closing("no, cancel it", "anything else?")


def test_the_input_of_a_failure_is_what_was_asked_and_the_trace_stays_whole() -> None:
    talk = trace(
        user("Where is my parcel?"),
        assistant("Unfortunately I was unable to find it."),
        user("Thank you anyway, bye! ###STOP###"),
    )
    (failure,) = mine([talk], SHIPPED).failures
    assert failure.input_payload == {"input": "Where is my parcel?", "request": "Where is my parcel?"}
    assert all("STOP" not in s.reason for s in failure.signals)
    assert failure.context_snapshot["messages"][-1]["content"].endswith("###STOP###")


@given(st.text())
@settings(max_examples=50)
def test_any_text_is_read(text: str) -> None:
    assert spoken(spoken(text)) == spoken(text) or "##" in text or "<|" in text
    closing(plain(text))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["#" * 200_000, "<|" * 100_000, "thanks " * 50_000, "ok " * 100, "[END]" * 50_000])
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    spoken(text)
    closing(plain(text))
