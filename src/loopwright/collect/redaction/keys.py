"""API keys and tokens by the shapes that their makers give them.

Each is, or has in it, a run of at least 20 letters, digits, dashes and underlines, which prose has hardly ever: text is
translated to one byte for these and another for all else, and only what stands around a long run is looked at.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections import defaultdict
from collections.abc import Iterable, Iterator

from loopwright.collect.redaction.rules import Found

LONG = 20
_RUN = b"w" * LONG
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_CLASSES = bytes(0x77 if byte in _LETTERS else 0x20 for byte in range(256))
_BEFORE, _AFTER = 100, 120

_SHAPES: tuple[tuple[str, str], ...] = (
    ("JSON web token", r"eyJ[\w-]{17,}\.[\w-]{4,}(?:\.[\w-]*)?"),
    ("OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse", r"sk-[\w-]{17,}"),
    ("Stripe", r"sk_(?:live|test)_\w{12,}"),
    ("Stripe", r"rk_(?:live|test)_\w{12,}"),
    ("Stripe", r"pk_live_\w{12,}"),
    ("Stripe, Svix", r"whsec_[A-Za-z0-9+/]{20,}={0,2}"),
    ("GitHub", r"gh[pousr]_[A-Za-z0-9]{20,}"),
    ("GitHub", r"github_pat_\w{20,}"),
    ("GitLab", r"gl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent|oas)-[\w-]{20,}"),
    ("Slack", r"xox[abceoprs]-[\w-]{16,}"),
    ("Slack", r"xapp-\d-[\w-]{20,}"),
    ("Slack", r"hooks\.slack\.com(?:\\*/){1,3}(?:services|workflows|triggers)(?:\\*/[\w-]{8,}){2,3}"),
    ("Discord", r"discord(?:app)?\.com\\*/api\\*/webhooks\\*/\d{10,}\\*/[\w-]{40,}"),
    ("Discord", r"M[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}"),
    ("Discord", r"N[\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}"),
    ("Telegram", r":AA[\w-]{33}"),
    ("AWS", r"AKIA[A-Z0-9]{16}"),
    ("AWS", r"ASIA[A-Z0-9]{16}"),
    ("AWS", r"ABIA[A-Z0-9]{16}"),
    ("AWS Bedrock", r"ABSK[A-Za-z0-9+/]{60,}={0,2}"),
    ("Google", r"AIza[\w-]{35}"),
    ("Google", r"ya29\.[\w-]{20,}"),
    ("Google", r"GOCSPX-[\w-]{24,}"),
    ("Google", r"1//0[\w-]{35,}"),
    ("Hugging Face", r"hf_[A-Za-z0-9]{30,}"),
    ("npm", r"npm_[A-Za-z0-9]{30,}"),
    ("PyPI", r"pypi-AgE[\w-]{50,}"),
    ("RubyGems", r"rubygems_[0-9a-f]{48}"),
    ("SendGrid", r"SG\.[\w-]{20,}\.[\w-]{20,}"),
    ("Twilio", r"SK[0-9a-f]{32}"),
    ("Mailgun", r"key-[0-9a-f]{32}"),
    ("Brevo", r"xkeysib-[0-9a-f]{64}(?:-\w+)?"),
    ("Shopify", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("Square", r"sq0[a-z]{3}-[\w-]{22,}"),
    ("Square, Facebook", r"EAA[A-Za-z0-9_-]{57,}"),
    ("DigitalOcean", r"do[opr]_v1_[0-9a-f]{64}"),
    ("Databricks", r"dapi[0-9a-f]{32}(?:-\d)?"),
    ("Docker", r"dckr_(?:pat|oat)_[\w-]{20,}"),
    ("Grafana", r"glsa_\w{32,}"),
    ("Grafana", r"glc_[A-Za-z0-9+/]{32,}={0,2}"),
    ("LangSmith", r"lsv2_(?:pt|sk)_\w{32,}"),
    ("Linear", r"lin_(?:api|oauth)_\w{32,}"),
    ("Notion", r"ntn_[A-Za-z0-9]{40,}"),
    ("Notion", r"secret_[A-Za-z0-9]{43}"),
    ("Figma", r"figd_[\w-]{36,}"),
    ("Groq", r"gsk_[A-Za-z0-9]{40,}"),
    ("xAI", r"xai-[A-Za-z0-9]{40,}"),
    ("Perplexity", r"pplx-[A-Za-z0-9]{40,}"),
    ("Replicate", r"r8_[A-Za-z0-9]{30,}"),
    ("NVIDIA", r"nvapi-[\w-]{40,}"),
    ("Tavily", r"tvly-[\w-]{20,}"),
    ("Pinecone", r"pcsk_\w{40,}"),
    ("Postman", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("Supabase", r"sbp_[0-9a-f]{40}"),
    ("Supabase", r"sb_secret_[\w-]{20,}"),
    ("Sentry", r"sntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    ("PlanetScale", r"pscale_(?:tkn|pw|oauth)_[\w-]{30,}"),
    ("New Relic", r"NRAK-[A-Z0-9]{27}"),
    ("HashiCorp Vault", r"hv[sbr]\.[\w-]{24,}"),
    ("HashiCorp Terraform", r"\.atlasv1\.[\w-]{60,}"),
    ("age", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("Airtable", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("Atlassian", r"AT[AC]TT3[\w=-]{50,}"),
    ("Doppler", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}"),
    ("PostHog", r"phx_[A-Za-z0-9]{40,}"),
    ("Heroku", r"HRKU-[\w-]{36,}"),
    ("Contentful", r"CFPAT-[\w-]{43}"),
    ("Typeform", r"tfp_[\w-]{40,}"),
    ("Dynatrace", r"dt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("Azure", r"[?&]sig=[A-Za-z0-9%+/_-]{30,}={0,2}"),
    ("AWS", r"X-Amz-(?:Signature|Security-Token)=[A-Za-z0-9%+/_-]{30,}={0,2}"),
    ("Loopwright", r"lw_(?:ingest|read)_[\w-]{32,}"),
    ("Fly.io", r"fm2_[A-Za-z0-9+/=_-]{40,}"),
    ("Netlify", r"nfp_[A-Za-z0-9]{36,}"),
    ("Fireworks", r"fw_[A-Za-z0-9]{22,}"),
)


def _by_first_letter(shapes: Iterable[str]) -> re.Pattern[bytes]:
    """One expression of all shapes, those of one first letter together: what begins with none of them is passed over fast."""
    rests: defaultdict[str, list[str]] = defaultdict(list)
    for shape in shapes:
        if shape.startswith("[?&]"):
            for first in "?&":
                rests[re.escape(first)].append(shape[4:])
        elif shape.startswith("\\"):
            rests[shape[:2]].append(shape[2:])
        else:
            rests[shape[0]].append(shape[1:])
    every = "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in rests.items())
    return re.compile(re.sub(r"\{(\d+),\}", rf"{{\1,{_LONGEST}}}", every).encode())


_LONGEST = 512
"""No shape is followed further while it is looked for, so that time grows with the length of the text alone."""
_SHAPE = _by_first_letter(shape for _, shape in _SHAPES)
_HEAD = _by_first_letter(
    dict.fromkeys(head[0] for _, shape in _SHAPES if (head := re.match(r"[A-Za-z0-9_-]+(?:\[[a-zA-Z]+\])?_?", shape)))
)
_JOINTS = b"./=+%:&?"
"""What stands before a long run that is not the beginning of its key."""
_SCHEME = re.compile(rb"(bearer|basic) {1,3}(?=[\w.~+/=-]{12})", re.IGNORECASE)
_CREDENTIALS = re.compile(rb"[\w.~+/=-]+")
_PUBLIC = re.compile(
    rb"(?:hooks\.slack\.com|discord(?:app)?\.com)[^?&]*?(?:services|workflows|triggers|webhooks)\\*/|(?:[?&]|X-)[\w-]+="
)
_JWT = re.compile(rb"eyJ[\w-]{17,}\.[\w-]{4,}(?:\.[\w-]*)?")
_REST = re.compile(rb"[\w-]*")
_DIGIT_OR_WORD = re.compile(rb"\d|[A-Za-z]{20}")

_LEAST = 16
"""Of the signs that a shape asks for, the hint asks for so many, or more: fewer states, and hardly more false alarms."""
_COUNT = re.compile(r"\{(\d+)(,\d*)?\}")
HINT = "|".join((
    *dict.fromkeys(_COUNT.sub(lambda found: f"{{{min(int(found[1]), _LEAST)},}}", shape) for _, shape in _SHAPES),
    r"(?i:bearer|basic) {1,3}[\w.~+/=-]{12}",
))  # fmt: skip
"""See `hints`."""


def find_keys(data: bytes) -> Iterator[Found]:
    """Keys, JSON web tokens, and what stands after `Bearer` and `Basic`."""
    classes = data.translate(_CLASSES)
    at = classes.find(_RUN)
    yield from _of_headers(data)
    position, ended = 0, -1
    while at >= 0:
        end = _end(classes, at)
        while match := _next(data, at, end, position):
            found = _judged(data, match, match.start() == ended)
            position = found.end if found else match.start() + 1
            if found:
                ended = position
                yield found
        at = classes.find(_RUN, max(end, position))


def _end(classes: bytes, at: int) -> int:
    end = classes.find(b" ", at + LONG)
    return len(classes) if end < 0 else end


def _next(data: bytes, at: int, end: int, start: int) -> re.Match[bytes] | None:
    """The next shape from `start` on that has the run from `at` to `end` in it, or begins there."""
    if at and data[at - 1] in _JOINTS:
        match = _SHAPE.search(data, max(start, at - _BEFORE), end + _AFTER)
        return _SHAPE.match(data, match.start()) if match and match.start() < end else None
    start = max(start, at)
    while head := _HEAD.search(data, start, end):
        match = _SHAPE.match(data, head.start())
        if match:
            return match
        start = head.start() + 1
    return None


def _judged(data: bytes, match: re.Match[bytes], glued: bool) -> Found | None:
    """What matched, if nothing speaks against it: letters before that are no other key's, or after; small words after `sk-`."""
    start, end = match.span()
    before, first = data[start - 1 : start], data[start : start + 1]
    if first.isalnum() and before.isalnum() and not glued:
        return None
    text = match.group()
    if text.startswith((b"AKIA", b"ASIA", b"ABIA", b"AIza", b"SK")) and data[end : end + 1].isalnum():
        return None
    if text.startswith(b"sk-") and not _DIGIT_OR_WORD.search(text):
        return None
    if text.startswith(b"eyJ"):
        whole = _JWT.match(data, start)
        return Found(start, whole.end() if whole else end, "jwt")
    rest = _REST.match(data, end) if len(text) >= _LONGEST else None
    end = rest.end() if rest else end
    public = _PUBLIC.match(text)
    return Found(start + (public.end() if public else 0), end, "key")


def _of_headers(data: bytes) -> Iterator[Found]:
    for scheme in _SCHEME.finditer(data):
        match = _CREDENTIALS.match(data, scheme.end())
        if match and is_credential(scheme[1].lower(), match.group().rstrip(b".")):
            yield Found(match.start(), match.start() + len(match.group().rstrip(b".")), "token")


def is_credential(scheme: bytes, text: bytes) -> bool:
    """Whether `text` may stand after this scheme: for Basic, the base64 of a login; for others, no word of small letters."""
    if scheme != b"basic":
        return len(text) >= 12 and not text.replace(b"-", b"").isalpha()
    try:
        return b":" in b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (Error, ValueError):
        return False
