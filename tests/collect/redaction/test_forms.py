"""Forms of secrets that agents' tools meet, and what looks like them."""

from __future__ import annotations

import json
import random

import pytest

from loopwright.collect.redaction.hints import NOWHERE
from loopwright.collect.redaction.redactor import Redactor
from loopwright.collect.redaction.rules import RedactionRules
from redaction_samples import ALNUM, URL_SAFE

RNG = random.Random(3)
LONG = "".join(RNG.choices(URL_SAFE, k=43))
PLAIN = "".join(RNG.choices(ALNUM, k=40))
PASSWORD = "hunter2Blue!"

SECRETS = (
    (f"the key is lw_read_{LONG}", f"lw_read_{LONG}"),
    (f"lw_ingest_{LONG}.", f"lw_ingest_{LONG}"),
    (f"nfp_{PLAIN} fw_{PLAIN[:24]}", f"nfp_{PLAIN}"),
    (f"fm2_{PLAIN}", f"fm2_{PLAIN}"),
    (f"X-Amz-Signature={PLAIN}", PLAIN),
    (f"https://b.s3.amazonaws.com/k?X-Amz-Date=20260101T000000Z&X-Amz-Signature={PLAIN}", PLAIN),
    (f"DB_PASS={PASSWORD}", PASSWORD),
    (f"ansible_become_pass: {PASSWORD}", PASSWORD),
    (f"Passwort: {PASSWORD}", PASSWORD),
    (f"mot de passe : {PASSWORD}", PASSWORD),
    (f"contraseña: {PASSWORD}", PASSWORD),
    (f"Cookie: theme=dark; sessionid={PLAIN}; lang=en", PLAIN),
    (f"Set-Cookie: session=abc123def456; Path=/; HttpOnly\nset-cookie: id={PLAIN}", PLAIN),
    (json.dumps({"cookie": f"connect.sid=s%3A{PLAIN}"}), PLAIN),
    (f"curl -u bob:{PASSWORD} https://example.org", PASSWORD),
    (f"curl --user 'bob:{PASSWORD}' https://example.org", PASSWORD),
    (f"machine api.example.org login bob password {PLAIN}", PLAIN),
    (f"api_key: str = '{PLAIN}'", PLAIN),
    (f'TOKEN: Final[str] = "{PLAIN}"', PLAIN),
)
BENIGN = (
    "pwd: /home/user/app",
    "PWD=/srv/www",
    "docker run -u 1000:1000 image",
    "docker run -u node:node image",
    "Cookie: theme=dark; lang=en",
    "Set-Cookie: theme=dark; Path=/; Max-Age=3600; SameSite=Lax",
    "the cookie: oatmeal, raisin",
    "bypass=true; compass: north; _pass: true",
    "api_key: str | None = None",
    "please login to see the password hint",
)


@pytest.mark.parametrize(("text", "secret"), SECRETS)
@pytest.mark.parametrize("wrap", [str, lambda text: json.dumps({"a": text}), lambda text: json.dumps({"a": json.dumps([text])})])
def test_secrets_go_however_deep_they_stand(text: str, secret: str, wrap) -> None:
    redactor = Redactor(RedactionRules())
    given = wrap(text)
    clean = redactor.text(given)
    assert secret not in clean
    assert redactor.texts([given, "nothing", given]) == [clean, "nothing", clean]
    assert redactor.may_hold(given.encode())
    assert redactor.text(clean) == clean


@pytest.mark.parametrize("text", BENIGN)
def test_what_looks_like_them_stays(text: str) -> None:
    redactor = Redactor(RedactionRules())
    assert redactor.text(text) == text
    assert redactor.texts([text]) == [text]


def test_the_beginning_of_what_may_be_somebodys_is_told_in_a_long_request() -> None:
    redactor = Redactor(RedactionRules(personal=frozenset({"phone", "card", "email"})))
    quiet = b'{"at": "2026-11-24 03:41", "id": "call_87316895b481863b89057dc0", "score": 0.12345678} ' * 50
    assert redactor.places(quiet)(0) > len(quiet)
    assert redactor.places(quiet + b"call +1 202 555 0142")(0) == len(quiet) + len("call +")
    assert redactor.places(quiet + b"id2024-05-15@example.org")(0) < len(quiet) + 14
    found = redactor.places(quiet + b"ada@example.org" + quiet + b"4111111111111111")
    assert found(0) < len(quiet) + 15 < found(len(quiet) + 15) < found(2 * len(quiet) + 30 + 1) == NOWHERE


@pytest.mark.parametrize("before", ["é", "\U0001f600", "\n", "\t", "\u2028", "x é"])
@pytest.mark.parametrize("number", ["4111111111111111", "2025550142", "5555555555554444"])
def test_digits_behind_what_json_escapes_are_hinted_at(before: str, number: str) -> None:
    redactor = Redactor(RedactionRules(personal=frozenset({"phone", "card"})))
    text = f"call {before}{number}"
    for given in (json.dumps(text), json.dumps({"a": json.dumps(text)}), json.dumps(text, ensure_ascii=False)):
        assert redactor.text(given) == given or redactor.may_hold(given.encode())
        assert redactor.may_hold(given.encode())
