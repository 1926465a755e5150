"""Column types of the store's tables, the same in every dialect, and the metadata that they hang on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import MetaData, Text
from sqlalchemy.types import TypeDecorator

metadata = MetaData()

_UNSOUND = re.compile("[\\\\\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(\\|u[0-9a-f]{4})")


def escape(text: str) -> str:
    """`text` without NUL and lone surrogates, which databases refuse; different texts stay different."""
    return _UNSOUND.sub(lambda m: "\\\\" if m[0] == "\\" else f"\\u{ord(m[0]):04x}", text)


def unescape(text: str) -> str:
    """What `escape` was given."""
    return _ESCAPE.sub(lambda m: "\\" if m[1] == "\\" else chr(int(m[1][1:], 16)), text)


def moment_text(moment: datetime) -> str:
    """The time in UTC, in a form whose alphabetical order is the order of time; a time without zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        aware = aware.astimezone(UTC)
    except OverflowError:  # within a day of the first or last year there is
        aware = aware.replace(tzinfo=UTC)
    return aware.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Name(TypeDecorator[str]):
    """Text that is looked up or filtered: any Python string."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Into the database."""
        return None if value is None else escape(value)

    def process_result_value(self, value: Any, dialect: Any) -> str | None:
        """Out of the database."""
        return None if value is None else unescape(value)


class Moment(TypeDecorator[datetime]):
    """A time, in microseconds, aware and in UTC."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:
        """Into the database."""
        return None if value is None else moment_text(value)

    def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
        """Out of the database."""
        return None if value is None else datetime.fromisoformat(value)
