"""Masking: particulars go, words stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.cluster.masking import mask_message, mask_prose
from loopwright.cluster.recipe import LONGEST


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("see https://shop.example/a?b=1 now", "see <url> now"),
        ("www.example.org/x is down", "<url> is down"),
        ("write to ada.l+x@mail.example.org!", "write to <email>!"),
        ("order 7f9c24e8-3b12-4c6a-9d4e-0a1b2c3d4e5f failed", "order <id> failed"),
        ("at 2024-05-01T10:20:30Z it broke", "at <time> it broke"),
        ("fly on 2024-05-20", "fly on <date>"),
        ("due 5/20/2024", "due <date>"),
        ("wake me at 7:30 am", "wake me at <time>"),
        ("host 10.0.0.12:8080 refused", "host <ip> refused"),
        ("no such file /var/log/app/x.log", "no such file <path>"),
        (r"cannot open C:\Users\x\a.txt", "cannot open <path>"),
        ("pointer 0xdeadbeef", "pointer <hex>"),
        ("commit 3f2a9c0d1 is bad", "commit <hex> is bad"),
        ("user mia_li_3668 not found", "user <id> not found"),
        ("reservation 4WQ150 is gone", "reservation <id> is gone"),
        ("order #W2378156", "order <id>"),
        ("pay $1,250.50 for 3 bags", "pay <number> for <number> bags"),
        ("index 5, 7, 9 out of range", "index <number> out of range"),
        ("roll over my 401k to a w2, play an mp3", "roll over my 401k to a w2, play an mp3"),
        ("I don't want the agent's answer", "I don't want the agent's answer"),
        ("yes and/or no", "yes and/or no"),
        ("Bücher für 3 Leute, 日本語", "Bücher für <number> Leute, 日本語"),
        ("", ""),
    ],
)
def test_particulars_become_marks(text: str, masked: str) -> None:
    assert mask_prose(text) == masked


def test_quoted_values_go_from_messages_only() -> None:
    assert mask_message("KeyError: 'user_id' in \"cfg\" and `x`") == "KeyError: <value> in <value> and <value>"
    assert mask_message("I don't know what's wrong") == "I don't know what's wrong"
    assert mask_prose('she said "stop it"') == 'she said "stop it"'


@given(st.text(max_size=200))
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask_message(text)
    assert mask_message(once) == once


def test_a_hostile_text_takes_no_time() -> None:
    for piece in ("a.", "/a", "1:", "0a", "'", "a-1", "::", "1,", "@a", "<id> "):
        mask_message((piece * LONGEST)[:LONGEST])
