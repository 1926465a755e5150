"""Where a service's project is: `langfuse://HOST/PROJECT?since=2026-11-01`, with credentials from the environment alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, unquote, urlsplit

from loopwright.collect.times import moment
from loopwright.errors import RecordError, UsageError
from loopwright.registry import unknown

KINDS = ("langfuse", "langsmith", "phoenix")
DEFAULT_HOSTS = {"langfuse": "cloud.langfuse.com", "langsmith": "api.smith.langchain.com", "phoenix": "localhost:6006"}
DEFAULT_DAYS = 30
_OPTIONS = ("since", "until", "again")
_ADDRESS = re.compile(rf"(?:{'|'.join(KINDS)})(?:\+\w+)?://", re.IGNORECASE)
_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A project of a service. `since` and `until` bound the time asked for; `again` reads what was read before, too."""

    kind: str
    base_url: str
    project: str
    since: datetime | None = None
    until: datetime | None = None
    again: bool = False

    @property
    def name(self) -> str:
        """What the project is called in messages and under which its position is kept; without credentials and options."""
        return f"{self.kind}://{self.base_url.partition('://')[2]}/{self.project}"


def is_address(text: str) -> bool:
    """Whether this names a service's project, and not a file."""
    return _ADDRESS.match(text) is not None


def parse(text: str, now: datetime) -> Address:
    """Read an address; raises `UsageError` naming what is wrong with it, never the credentials in it.

    HOST may be left out for the service's own cloud (Phoenix: this machine) and may be followed by a path; PROJECT is the last
    part, percent-encoded. Connections use TLS but for this machine; `phoenix+http://` says not to.
    """
    split = urlsplit(text)
    kind, _, transport = split.scheme.lower().partition("+")
    if kind not in KINDS or transport not in ("", "http", "https"):
        raise UsageError(unknown("service", split.scheme, KINDS))
    if "@" in split.netloc:
        raise UsageError(f"{kind}://… holds a login; take it out of the address, and set {' and '.join(CREDENTIALS[kind])}")
    host = split.netloc or DEFAULT_HOSTS[kind]
    before, _, project = split.path.rstrip("/").rpartition("/")
    if not project:
        raise UsageError(f"{kind}://{host} names no project; give {kind}://{host}/PROJECT")
    transport = transport or ("http" if _LOOPBACK.fullmatch(host) else "https")
    options = dict(parse_qsl(split.query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise UsageError(unknown("option", name, _OPTIONS))
    return Address(
        kind,
        f"{transport}://{host}{before}",
        unquote(project),
        _time(options.get("since"), "since", now),
        _time(options.get("until"), "until", now),
        options.get("again", "0").lower() not in ("0", "false", "no"),
    )


CREDENTIALS = {
    "langfuse": ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"),
    "langsmith": ("LANGSMITH_API_KEY",),
    "phoenix": ("PHOENIX_API_KEY",),
}
"""The environment variables that each service's own tools read."""


def _time(text: str | None, name: str, now: datetime) -> datetime | None:
    """A time, or how long ago: `2026-11-01`, `2026-11-01T12:00:00Z`, `7d`, `12h`."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip().lower())
    try:
        return now - int(ago[1]) * _UNITS[ago[2]] if ago else moment(text.replace(" ", "+"), name)
    except (RecordError, OverflowError):
        raise UsageError(
            f"{name} is {text!r}, which is no time; give 2026-11-01, 2026-11-01T12:00:00Z, or 7d for a week ago"
        ) from None
