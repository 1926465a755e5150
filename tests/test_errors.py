from __future__ import annotations

import pytest

from loopwright.errors import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:pw@db/x", "postgresql://***@db/x"),
        ("'postgresql://ann:p@w/d@db:5432/x'; give", "'postgresql://***@db:5432/x'; give"),
        ("https://token@host/path", "https://***@host/path"),
        ("postgresql://db/x?user=ann&password=pw&sslmode=on", "postgresql://db/x?user=ann&password=***&sslmode=on"),
        ("https://host/ask?api_key=k1", "https://host/ask?api_key=***"),
        ("sqlite:///.loopwright/loopwright.db", "sqlite:///.loopwright/loopwright.db"),
        ("http://host:8080/path and ann@example.org", "http://host:8080/path and ann@example.org"),
        ("https://host/@ann", "https://host/@ann"),
    ],
)
def test_no_login_stays_in_a_url(text: str, shown: str) -> None:
    assert without_credentials(text) == shown
