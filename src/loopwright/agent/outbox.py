"""What waits to be sent to a server: handed over at once, sent behind the agent's back, and counted where it is lost."""

from __future__ import annotations

import atexit
import encodings.idna  # noqa: F401 (looked up when a host is; a fork just then would leave the child without it)
import logging
import os
import random
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loopwright.errors import without_credentials

log = logging.getLogger("loopwright")
CAPACITY = 1000
TIMEOUT_S = 10.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
LAST_CALL_S = 5.0
"""How long the end of the process waits for what is still to be sent."""

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What a server answers that may take the same request later."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One request: a path of the server and a JSON body. `instead` makes the one to send where the server knows no such path."""

    path: str
    body: bytes
    instead: Callable[[], Letter] | None = None


class Outbox:
    """Letters to one server, sent in order by a thread of its own.

    What cannot be sent now is tried again, with growing pauses and as `Retry-After` says; what the server refuses, and what
    comes while the box is full, is lost, counted in `lost` and logged. Nothing here raises or waits, but for `flush`.
    """

    def __init__(self, url: str, token: str | None = None, capacity: int = CAPACITY) -> None:
        self.url = url.rstrip("/").removesuffix("/v1/traces")
        self.sent = 0
        self.lost = 0
        self._token = token
        self._capacity = capacity
        self._letters: deque[Letter] = deque()
        self._thread: threading.Thread | None = None
        self._reset()
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    def put(self, letter: Letter) -> bool:
        """Take a letter; False where the box is full or closed, and the letter lost."""
        with self._changed:
            if self._closed or len(self._letters) >= self._capacity:
                self._lose(1, "the process is ending" if self._closed else f"{self._capacity} others wait to be sent")
                return False
            self._letters.append(letter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="loopwright-feedback", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until nothing waits any more; False where that took too long. Pauses between tries are cut short."""
        self._hurry.set()
        with self._changed:
            return self._changed.wait_for(lambda: not self._letters, timeout_s)

    def close(self) -> None:
        """Send what waits, for a few seconds; count what is left as lost."""
        self.flush(LAST_CALL_S)
        with self._changed:
            self._closed = True
            left = len(self._letters)
            self._letters.clear()
            if left:
                self._lose(left, "the process ended before the server took it")
            self._changed.notify_all()
        self._hurry.set()

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._hurry = threading.Event()
        self._thread = None
        self._closed = False

    def _forget(self) -> None:
        """In a process that was forked: what waits is the parent's to send."""
        self._letters.clear()
        self._reset()

    def _lose(self, count: int, why: str) -> None:
        self.lost += count
        log.warning("feedback was lost (%d so far): %s: %s", self.lost, without_credentials(self.url), why)

    def _work(self) -> None:
        tries = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._letters or self._closed)
                if not self._letters:
                    return
                letter = self._letters[0]
            wait = self._try(letter, tries)
            tries = 0 if wait is None else tries + 1
            with self._changed:
                if wait is None and self._letters and self._letters[0] is letter:
                    self._letters.popleft()
                    self._changed.notify_all()
            if wait is not None:
                self._hurry.wait(wait)
                self._hurry.clear()

    def _try(self, letter: Letter, tries: int) -> float | None:
        """Send a letter; None where it is done with, sent or lost, else the seconds until the next try."""
        try:
            status, retry_after, said = self._post(letter)
            if status in (404, 405) and letter.instead is not None:
                status, retry_after, said = self._post(letter.instead())
        except (OSError, ValueError, urllib.error.URLError) as error:
            if tries == 0:
                log.info("feedback waits: %s cannot be reached: %s", without_credentials(self.url), error)
            return pause(tries)
        except Exception as error:  # a thread that dies here would keep all that comes after
            self._lose(1, f"{type(error).__name__}: {error}")
            return None
        if status < 300:
            self.sent += 1
            return None
        if status in AGAIN:
            return pause(tries, retry_after)
        cure = "; give the token of an ingest key: LOOPWRIGHT_TOKEN" if status in (401, 403) else ""
        self._lose(1, f"the server answered {status}{': ' + said if said else ''}{cure}")
        return None

    def _post(self, letter: Letter) -> tuple[int, str | None, str]:
        headers = {"Content-Type": "application/json", **authorization(self._token)}
        request = urllib.request.Request(self.url + letter.path, letter.body, headers, method="POST")  # noqa: S310 (see is_url)
        try:
            with _opener().open(request, timeout=TIMEOUT_S) as response:
                response.read(1 << 16)
                return response.status, None, ""
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get("Retry-After"), error.read(200).decode("utf-8", "replace").strip()


def authorization(token: str | None) -> Mapping[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def pause(tries: int, retry_after: str | None = None) -> float:
    """Seconds until the next try: as the server says, in seconds, else doubling from half a second, scattered by half."""
    if retry_after is not None and retry_after.strip().isdigit():
        return min(float(retry_after), LONGEST_WAIT_S)
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(tries, 16)) * (0.5 + random.random() / 2)  # noqa: S311


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect would turn a POST into a GET, and take the token elsewhere: it is an error instead."""

    def redirect_request(self, *_args: Any) -> None:
        """Follow nothing."""


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_StayHere())


_boxes: dict[tuple[str, str | None], Outbox] = {}
_making = threading.Lock()


def outbox(url: str, token: str | None) -> Outbox:
    """The process's box for a server."""
    with _making:
        if (url, token) not in _boxes:
            _boxes[url, token] = Outbox(url, token)
        return _boxes[url, token]


def all_boxes() -> list[Outbox]:
    """Every box of the process."""
    with _making:
        return list(_boxes.values())


def wait_until(timeout_s: float) -> bool:
    """Wait until every box is empty; False where that took longer than `timeout_s`."""
    end = time.monotonic() + timeout_s
    return min((box.flush(max(0.0, end - time.monotonic())) for box in all_boxes()), default=True)
