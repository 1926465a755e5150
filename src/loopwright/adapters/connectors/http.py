"""JSON over HTTP with a service that may be busy, slow, broken or gone, and is asked politely."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from loopwright.collect.intake import printable
from loopwright.errors import ServiceError, without_credentials

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 522, 524})
"""What a service answers that may take the same request later."""

MAX_ANSWER_BYTES = 256 * 1024 * 1024
FEWEST_A_PAGE = 5

Parameters = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Manners:
    """How a service is asked: `tries` of one request, with pauses that double from `first_s` to `longest_s`, scattered.

    A service that says how long to wait (`Retry-After`) is taken at its word up to `patience_s`; more is given up.
    """

    tries: int = 8
    timeout_s: float = 60.0
    first_s: float = 1.0
    longest_s: float = 60.0
    patience_s: float = 900.0
    sleep: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = lambda _: None


class NotThere(ServiceError):  # noqa: N818 (an answer that a caller expects)
    """The service knows no such path or thing (404, 405, 410)."""


class NotTaken(ServiceError):  # noqa: N818 (an answer that a caller expects)
    """The service does not take the request as it is (400, 409, 422); `status` says which."""

    def __init__(self, problem: str, status: int) -> None:
        self.status = status
        super().__init__(problem)


class Service:
    """One service, at `base_url`. `login` says how to mend credentials that it does not take."""

    def __init__(self, name: str, base_url: str, headers: Mapping[str, str], login: str, manners: Manners) -> None:
        self.name = name
        self.requests = 0
        self._login = login
        self._manners = manners
        self._client = httpx2.Client(base_url=base_url, headers=dict(headers), timeout=manners.timeout_s)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def get(self, path: str, parameters: Parameters | None = None, shrink: str | None = None) -> Any:
        """The answer to a GET. `shrink` names the parameter that counts items a page: of a page that fails, fewer are asked."""
        return self._ask("GET", path, dict(parameters or {}), None, shrink)

    def post(self, path: str, body: Any, parameters: Parameters | None = None) -> Any:
        """The answer to a POST of JSON; made again as a GET is, so that it must name what it makes."""
        return self._ask("POST", path, dict(parameters or {}), body, None)

    def patch(self, path: str, body: Any) -> Any:
        """The answer to a PATCH of JSON."""
        return self._ask("PATCH", path, {}, body, None)

    def _ask(self, method: str, path: str, parameters: dict[str, Any], body: Any, shrink: str | None) -> Any:
        for attempt in range(self._manners.tries):
            wait: float | None = None
            try:
                status, headers, data = self._send(method, path, parameters, body)
                if status < 300:
                    return json.loads(data) if data.strip() else None
                if status not in AGAIN:
                    raise self._refused(path, status, data)
                problem, wait = f"answered {status}", _retry_after(headers)
            except httpx2.TimeoutException:
                problem = f"gave no answer within {self._manners.timeout_s:g} s"
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                problem = f"cannot be reached: {str(error) or type(error).__name__}"
            except ValueError:
                problem = "answered with something that is not JSON"
            if shrink and not problem.endswith("429"):
                parameters[shrink] = max(FEWEST_A_PAGE, int(parameters[shrink]) // 2)
            if attempt + 1 < self._manners.tries:
                self._pause(problem, wait, attempt)
        cure = "what was read is kept: run the same again later"
        raise ServiceError(f"{self.name}: {printable(without_credentials(problem))}, {self._manners.tries} times; {cure}")

    def _send(self, method: str, path: str, parameters: dict[str, Any], body: Any) -> tuple[int, Mapping[str, str], bytes]:
        self.requests += 1
        sent = {} if body is None else {"json": body}
        with self._client.stream(method, path, params=parameters, **sent) as response:
            data = bytearray()
            for piece in response.iter_bytes():
                data += piece
                if len(data) > MAX_ANSWER_BYTES:
                    raise httpx2.DecodingError(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            return response.status_code, response.headers, bytes(data)

    def _pause(self, problem: str, wait: float | None, attempt: int) -> None:
        manners = self._manners
        if wait is not None and wait > manners.patience_s:
            raise ServiceError(f"{self.name} asks to wait {wait:.0f} s; what was read is kept: run the same again then")
        if wait is None:
            wait = min(manners.longest_s, manners.first_s * 2.0**attempt) * (0.5 + random.random() / 2)  # noqa: S311
        if wait >= 1:
            manners.tell(f"{self.name} {problem}; trying again in {wait:.0f} s")
        manners.sleep(wait)

    def _refused(self, path: str, status: int, data: bytes) -> ServiceError:
        said = printable(data[:200].decode("utf-8", "replace").strip())
        if status in (401, 403):
            return ServiceError(f"{self.name} does not take the credentials ({status}); {self._login}")
        problem = f"{self.name}: {path} answered {status}{': ' + said if said else ''}"
        if status in (404, 405, 410):
            return NotThere(problem)
        return NotTaken(problem, status) if status < 500 else ServiceError(problem)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the service asks to wait: a number of them, or a date; None where it does not say."""
    text = headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
