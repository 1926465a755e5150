"""What a pure step asks of the world, and what it is sent back.

A step that needs a model, an embedding or the agent under test is a generator: it yields one of these requests and is
sent the reply. One driver (`loopwright.workflows.driver`) runs such generators through the ports.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """Ask a language model. `schema` is a JSON schema for a structured reply, or None for text."""

    prompt: str
    purpose: str
    schema: dict[str, Any] | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A language model's answer: `text`, and `value` where a schema was given."""

    text: str
    value: Any = None
    model: str = ""
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Embed:
    """Ask for vectors: one row per text, float32, L2-normalised, shape (len(texts), d). Texts need not be distinct."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallTarget:
    """Ask the agent under test for one answer.

    `input` is the case's input: text or a list of messages. `timeout_s` is the wall-clock limit in seconds.
    """

    input: Any
    case_id: str
    trial: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class TargetReply:
    """What the agent under test answered. `error` is set, and `output` may be empty, when it failed.

    `latency_ms` is wall-clock milliseconds; `tokens` the sum of input and output tokens where the target tells.
    """

    output: str = ""
    messages: tuple[dict[str, Any], ...] = ()
    error: str | None = None
    timed_out: bool = False
    cost_usd: float | None = None
    tokens: int | None = None
    latency_ms: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)
