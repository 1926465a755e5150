"""The test set of redaction: text with secrets and personal data in many settings, and text that only looks like it.

Everything is made from a seed, so that no file holds what a scanner of secrets would take for one.
"""

# ruff: noqa: E501, PERF401
from __future__ import annotations

import base64
import hashlib
import json
import random
import string
import uuid
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "_-"


class Sample(NamedTuple):
    """A text; `hits` are the pieces of it that must go, each with the kind that it is."""

    text: str
    hits: tuple[tuple[str, str], ...] = ()


def samples(seed: int = 7) -> list[Sample]:
    """All of them, hits and look-alikes."""
    rng = random.Random(seed)
    return [*_secrets(rng), *_personal(rng), *_look_alikes(rng)]


def _some(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def _keys(rng: random.Random) -> list[str]:
    def some(alphabet: str, length: int) -> str:
        return _some(rng, alphabet, length)

    upper = string.ascii_uppercase + string.digits
    return [
        "sk-" + some(ALNUM, 48),
        "sk-proj-" + some(URL_SAFE, 120),
        "sk-ant-api03-" + some(URL_SAFE, 93) + "AA",
        "sk-or-v1-" + some(HEX, 64),
        "sk-lf-" + str(uuid.UUID(int=rng.getrandbits(128))),
        "sk_live_" + some(ALNUM, 24),
        "rk_test_" + some(ALNUM, 30),
        "ghp_" + some(ALNUM, 36),
        "gho_" + some(ALNUM, 36),
        "github_pat_" + some(ALNUM, 22) + "_" + some(ALNUM, 59),
        "glpat-" + some(URL_SAFE, 20),
        "xoxb-" + some(string.digits, 12) + "-" + some(string.digits, 12) + "-" + some(ALNUM, 24),
        "AKIA" + some(upper, 16),
        "ASIA" + some(upper, 16),
        "AIza" + some(URL_SAFE, 35),
        "ya29." + some(URL_SAFE, 60),
        "GOCSPX-" + some(URL_SAFE, 28),
        "hf_" + some(string.ascii_letters, 34),
        "npm_" + some(ALNUM, 36),
        "pypi-AgEIcHlwaS5vcmc" + some(URL_SAFE, 120),
        "SG." + some(URL_SAFE, 22) + "." + some(URL_SAFE, 43),
        "shpat_" + some(HEX, 32),
        "dop_v1_" + some(HEX, 64),
        "lsv2_pt_" + some(HEX, 32) + "_" + some(HEX, 10),
        "gsk_" + some(ALNUM, 52),
        "nvapi-" + some(URL_SAFE, 64),
        "hvs." + some(URL_SAFE, 90),
        "tvly-" + some(ALNUM, 32),
        "pcsk_" + some(ALNUM, 60),
    ]


def _jwt(rng: random.Random) -> str:
    parts = [
        json.dumps({"alg": "HS256", "typ": "JWT"}),
        json.dumps({"sub": str(rng.getrandbits(40)), "name": "A", "iat": 1516239022}),
    ]
    return ".".join([*(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts), _some(rng, URL_SAFE, 43)])


SETTINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("alone", lambda v: v),
    ("prose", lambda v: f"I think the value is {v}, can you use it?"),
    ("line", lambda v: f"first line\n{v}\nlast line"),
    ("json", lambda v: json.dumps({"note": f"here: {v}", "n": 3})),
    ("json in json", lambda v: json.dumps({"arguments": json.dumps({"q": f"see\n{v}\tand “{v}”"})})),
    ("ascii", lambda v: json.dumps({"arguments": json.dumps({"q": f"é{v}"}, ensure_ascii=True)}, ensure_ascii=True)),
    ("list", lambda v: f"- one\n- ({v})\n- [{v}]"),
    ("log", lambda v: f"2026-11-03T10:00:00Z ERROR failed with '{v}': retry=3"),
    ("markdown", lambda v: f"use `{v}` or **{v}**."),
    ("repr", lambda v: repr({"content": v, "role": "user"})),
    ("markup", lambda v: f"<td>{v}</td>"),
    ("query", lambda v: f"https://example.test/path?a=1&q={v}&z=2"),
)


def _secrets(rng: random.Random) -> list[Sample]:
    made = [Sample(put(key), ((key, "key"),)) for key in _keys(rng) for _, put in SETTINGS]
    made += [Sample(put(jwt), ((jwt, "jwt"),)) for jwt in (_jwt(rng) for _ in range(3)) for _, put in SETTINGS]
    made += _named_secrets(rng) + _headers(rng)
    body = "\n".join(_some(rng, ALNUM + "+/", 64) for _ in range(12))
    for name in ("RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED "):
        pem = f"-----BEGIN {name}PRIVATE KEY-----\n{body}\n-----END {name}PRIVATE KEY-----"
        made += [
            Sample(text, ((body[:40], "pem"), (body[-40:], "pem")))
            for text in (pem, json.dumps({"key": pem}), f"my key:\n{pem}\nthanks")
        ]
        made.append(Sample(f"cut short: {pem[:400]}", ((body[:40], "pem"),)))
    return made


def _named_secrets(rng: random.Random) -> list[Sample]:
    made = []
    for _ in range(4):
        word = _some(rng, string.ascii_letters, 6) + _some(rng, string.digits, 3) + rng.choice("!#$_*")
        for text in (
            f"password: {word}",
            f"password={word}",
            f"DB_PASSWORD={word}\nDB_HOST=db",
            f'export PGPASSWORD="{word}"',
            f"my password is {word}, please log in",
            json.dumps({"user": "ada", "password": word}),
            json.dumps({"body": json.dumps({"user": "ada", "password": word, "x": 1})}),
            repr({"user": "ada", "passwd": word}),
            f"Server=db;User Id=ada;Password={word};Encrypt=yes",
            f"Server=db;Uid=ada;Pwd={word};",
            f"<db-password>{word}</db-password>",
            f"mysql --user ada --password {word} db",
            f"https://x.test/login?user=a&password={quote(word)}&next=1",
        ):
            made.append(Sample(text, ((quote(word) if quote(word) in text and word not in text else word, "password"),)))
        token = _some(rng, ALNUM, 12) + "7" + _some(rng, ALNUM, 20)
        for text in (
            f"api_key={token}",
            f"API_KEY: {token}",
            f'apiKey = "{token}"',
            f"X-Api-Key: {token}",
            json.dumps({"client_secret": token}),
            json.dumps({"secretKey": token, "region": "eu"}),
            json.dumps({"t": json.dumps({"access_token": token, "expires_in": 3600})}),
            f"refresh_token={token}&grant_type=refresh_token",
            f"aws_secret_access_key = {token}",
            f"the api key is {token}",
            f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={token}==;EndpointSuffix=core",
            f"auth_token: '{token}'",
        ):
            made.append(Sample(text, ((token, "token" if "token" in text else "secret"),)))
        login = _some(rng, ALNUM, 12) + "9"
        made += [
            Sample(f"{scheme}://ada:{login}@db.internal:5432/main", ((login, "password"),))
            for scheme in ("postgres", "mysql+pymysql", "mongodb+srv", "redis", "amqp", "https")
        ]
        made.append(Sample(json.dumps({"url": f"postgres://ada:{login}@db/x"}).replace("/", "\\/"), ((login, "password"),)))
    return made


def _headers(rng: random.Random) -> list[Sample]:
    made = []
    for _ in range(4):
        bearer = _some(rng, ALNUM, 10) + "." + _some(rng, ALNUM, 24) + "3"
        basic = base64.b64encode(f"ada:{_some(rng, ALNUM, 12)}".encode()).decode()
        made += [
            Sample(f"Authorization: Bearer {bearer}", ((bearer, "token"),)),
            Sample(json.dumps({"headers": {"Authorization": f"Bearer {bearer}"}}), ((bearer, "token"),)),
            Sample(json.dumps({"h": json.dumps({"authorization": f"Bearer {bearer}"})}), ((bearer, "token"),)),
            Sample(f"curl -H 'Authorization: Basic {basic}' https://x.test", ((basic, "token"),)),
            Sample(f"authorization=Basic {basic}", ((basic, "token"),)),
            Sample(f"sent with bearer {bearer}", ((bearer, "token"),)),
        ]
    return made


def _luhn_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def card(rng: random.Random, prefix: str, length: int, valid: bool = True) -> str:
    """A card's number with the right check digit, or with a wrong one."""
    digits = prefix + _some(rng, string.digits, length - len(prefix) - 1)
    right = _luhn_digit(digits)
    return digits + (right if valid else str((int(right) + rng.randrange(1, 10)) % 10))


def iban(rng: random.Random, country: str, bban: str, valid: bool = True) -> str:
    """An account's number with the right check digits, or with wrong ones."""
    number = int("".join(str(int(sign, 36)) for sign in bban + country + "00"))
    check = 98 - number % 97
    return f"{country}{check if valid else (check + 9) % 90 + 10:02d}{bban}"


def _personal(rng: random.Random) -> list[Sample]:
    made = []
    emails = [
        "ada@example.com", "ada.lovelace+news@mail.example.co.uk", "A_B-c@sub.domain.io", "x1@xn--mnchen-3ya.de", "jürgen@müller.de",
        "o.n-e@a-b.museum", "user%40example.org",
    ]  # fmt: skip
    phones = [
        "+44 20 7946 0958", "+1 (555) 010-1234", "+4915123456789", "(555) 010-1234", "555-010-1234", "555.010.1234", "1-800-555-0199",
        "0044 20 7946 0958", "020 7946 0958", "06 12 34 56 78", "030/1234567", "+33 6 12 34 56 78", "+91-98765-43210", "555‑010‑1234",
    ]  # fmt: skip
    cards = [
        card(rng, prefix, length)
        for prefix, length in (
            ("4", 16),
            ("51", 16),
            ("2221", 16),
            ("37", 15),
            ("6011", 16),
            ("36", 14),
            ("3530", 16),
            ("62", 16),
            ("4", 19),
        )
    ]
    cards += [" ".join(number[at : at + 4] for at in range(0, 16, 4)) for number in cards[:3]]
    cards += ["-".join(number[at : at + 4] for at in range(0, 16, 4)) for number in cards[:3]]
    cards.append(f"{cards[3][:4]} {cards[3][4:10]} {cards[3][10:]}")
    ibans = [
        iban(rng, country, bban)
        for country, bban in (
            ("DE", _some(rng, string.digits, 18)), ("GB", "NWBK" + _some(rng, string.digits, 14)), ("FR", _some(rng, string.digits, 23)),
            ("NL", "ABNA" + _some(rng, string.digits, 10)), ("ES", _some(rng, string.digits, 20)), ("CH", _some(rng, string.digits, 17)),
            ("NO", _some(rng, string.digits, 11)), ("MT", "MALT" + _some(rng, string.digits, 23)),
        )
    ]  # fmt: skip
    ibans += [" ".join(number[at : at + 4] for at in range(0, len(number), 4)) for number in ibans[:4]]
    ips = [
        "192.168.10.7",
        "10.0.0.12",
        "203.0.113.77",
        "172.16.254.1",
        "2001:db8::8a2e:370:7334",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "fe80::1ff:fe23:4567:890a",
        "64:ff9b::192.0.2.33",
    ]
    ssns = ["078-05-1120", "219-09-9999"]
    for kind, values in (("email", emails), ("phone", phones), ("card", cards), ("iban", ibans), ("ip", ips), ("ssn", ssns)):
        for value in values:
            for name, put in SETTINGS:
                if name == "query" and ((kind in {"phone", "iban", "card"} and not value.isalnum()) or value.startswith("user%")):
                    continue
                if kind == "phone" and name == "ascii" and "‑" in value:
                    continue
                made.append(Sample(put(value), ((value, kind),)))
    made += [
        Sample(json.dumps({"phone": "5550101234", "id": 7}), (("5550101234", "phone"),)),
        Sample("call me at 5550101234", (("5550101234", "phone"),)),
        Sample("my cell is 555-0199", (("555-0199", "phone"),)),
        Sample(json.dumps({"card": int(cards[0])}), ((cards[0], "card"),)),
        Sample(json.dumps({"cards": [int(cards[0]), int(cards[1])]}), ((cards[0], "card"), (cards[1], "card"))),
        Sample(json.dumps({"a": json.dumps({"card": int(cards[0]), "x": 2})}), ((cards[0], "card"),)),
        Sample(f"connect to {ips[0]}:8080 or http://{ips[2]}/x", ((ips[0], "ip"), (ips[2], "ip"))),
        Sample("client 8.8.4.4 connected", (("8.8.4.4", "ip"),)),
    ]
    return made


def _look_alikes(rng: random.Random) -> list[Sample]:
    def some(alphabet: str, length: int) -> str:
        return _some(rng, alphabet, length)

    texts = []
    for _ in range(12):
        sha = hashlib.sha1(rng.randbytes(8)).hexdigest()
        digest = hashlib.sha256(rng.randbytes(8)).hexdigest()
        blob = base64.b64encode(rng.randbytes(900)).decode()
        number = card(rng, "4", 16, valid=False)
        texts += [
            sha, sha[:7], f"commit {sha} by ada", f"sha256:{digest}", f"md5 {digest[:32]}", str(uuid.UUID(int=rng.getrandbits(128))),
            f'{{"id": "{uuid.UUID(int=rng.getrandbits(128))}", "n": {rng.getrandbits(31)}}}',
            f"data:image/png;base64,{blob}", json.dumps({"image": blob}), f"call_{some(ALNUM, 24)}", f"chatcmpl-{some(ALNUM, 29)}",
            f"toolu_{some(ALNUM, 24)}", f"req_{some(HEX, 32)}", f"00-{some(HEX, 32)}-{some(HEX, 16)}-01",
            f"order {number} shipped", f"order #{rng.randrange(10**9)}", f"tracking 1Z{some(string.digits, 16)}",
            f"ticket 555-{rng.randrange(1000, 9999)}", f"ticket #{rng.randrange(200, 999)}-{rng.randrange(200, 999)}-{rng.randrange(1000, 9999)}",
            f"case {rng.randrange(200, 999)}-{rng.randrange(200, 999)}-{rng.randrange(1000, 9999)}", f"TCK-{rng.randrange(10**6)}-{rng.randrange(10**4)}",
            f"invoice 2026-{rng.randrange(10**6):06d}", f"ISBN 978-3-16-{rng.randrange(10**6):06d}-{rng.randrange(10)}", f"ISBN 0-306-{rng.randrange(10**5):05d}-X",
            f"978{rng.randrange(10**10):010d}", iban(rng, "DE", some(string.digits, 18), valid=False),
            f"version 1.2.{rng.randrange(10)}.{rng.randrange(10)}", f"v10.{rng.randrange(20)}.{rng.randrange(30)}.{rng.randrange(40)}", f"1.2.3.{rng.randrange(9)}", f"Chrome/120.0.{rng.randrange(6000)}.{rng.randrange(200)} Safari/537.36",
            f"numpy==1.26.{rng.randrange(9)}", f"at 2026-11-{rng.randrange(10, 28)} 10:{rng.randrange(10, 59)}:00.{rng.randrange(10**6):06d}", f"1732{rng.randrange(10**9):09d}", f"17323{rng.randrange(10**14):014d}",
            f"{rng.random():.16f} {rng.random():.12f}, -{rng.random():.9f}", f"[{', '.join(f'{rng.gauss(0, 1):.8f}' for _ in range(20))}]",
            f"${rng.randrange(10**6):,}.00 of {rng.randrange(10**9):,}", f"{rng.randrange(100)} {rng.randrange(100)} {rng.randrange(1000)} items", f"lat 48.{rng.randrange(10**6):06d}, lon 11.{rng.randrange(10**6):06d}",
            f"arXiv:2401.{rng.randrange(10**5):05d}", f"doi 10.1000/{rng.randrange(10**6)}.{rng.randrange(100)}", f"model claude-sonnet-4-2025{rng.randrange(10, 12)}14", f"gpt-4.1-2025-04-{rng.randrange(10, 28)}",
            f"mac 00:1b:44:11:3a:{rng.randrange(16, 256):02x}", f"from 12:30:{rng.randrange(10, 59)} to 14:45:10",
        ]  # fmt: skip
    texts += [
        "the password is required; the token is missing", "Password: at least 8 characters", "forgot your password? reset it", "password: str = None",
        "def login(user: str, password: str) -> Token:", "client = OpenAI(api_key=os.environ['OPENAI_API_KEY'])", "api_key=settings.api_key",
        "token=self.token", "password=${DB_PASSWORD}", "password={{ secret }}", "PASSWORD=<your password>", "api_key=YOUR_API_KEY", "password=None",
        '{"type": "object", "properties": {"password": {"type": "string", "description": "the password"}}}', '{"token": "Hello", "logprob": -0.31, "bytes": [72]}',
        '{"prompt_tokens": 1234567, "completion_tokens": 88, "max_tokens": 4096, "token_count": 12}', '{"next_page_token": "CAUQAA1234abcdEF"}', '{"primary_key": "user_id_12345"}',
        "gen_ai.usage.input_tokens", "the secret of success is work", "secret santa: 12 people", "the key is under the mat", "keyboard: qwerty12345 layout", "monkey=1234567890ab",
        "std::vector<int> a::b c::d", "Foo::Bar::baz", "ratio 3:2:1", "::", "::1", "127.0.0.1", "0.0.0.0", "255.255.255.0 mask", "room 300.400.500.600", "section 1.2.3.4 of the act", "chapter 10.11.12.13",
        "icon@2x.png", "a@b is not an address, nor is @handle", "git@github.com:org/repo.git", "package@1.2.3", "@app.route", "lodash@^4.17.21", "user@localhost",
        "basic economy or business", "basic authentication-is-not-enough-here", "the bearer of extraordinarily-good-news", "sk-short and task-force-planning-one", "sk-folding-cube-spinner-wrapper", "risk-management-framework-2024-edition",
        "hf_hub_download_from_the_model_repository", "npm_config_registry", "ghp_ is a prefix", "AKIA is a prefix", "eyJ is how tokens begin", "SG.example", "desk-1234567890-abcdefghij",
        "reservation ZFA04Y, flight HAT069, user mia_li_3668", "ids 123456789 and 20240512123045", "from 2024-05-12 to 2024-05-20 at 12:30:45", "1/2/2024 - 3/4/2024", "05/12/2024 10:30", "01-02-2024", "2024.05.12",
        "https://example.test/a/b/c?x=1&y=2", "https://example.test:8080/a@b", "https://maps.test/@48.137154,11.576124,12z", "SELECT * FROM t WHERE id IN (1001, 1002, 1003, 1004)",
        "0000000000000000", "1111 1111 1111 1111", "4111 1111 1111 1112", "1234567890123456", "123456789", "12345678", "00000000-0000-0000-0000-000000000000", "2026", "in 1999 2000 2001 2002 2003",
        "public_key: ssh-rsa AAAAB3NzaC1yc2E", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    ]  # fmt: skip
    return [Sample(text) for text in texts] + [Sample(json.dumps({"content": text})) for text in texts]
