"""What answers the agent's model calls: the rule-based planner, or a language model in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loopwright.examples.airline.toolbox import Tool

CHARACTERS_PER_TOKEN = 4
INPUT_PRICE, OUTPUT_PRICE = 0.15e-6, 0.6e-6
"""Dollars a token, for the rule-based planner: about what a small model costs."""


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A tool call that the model asks for."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model gave: text, or tool calls. `seconds` is its latency, `cost` dollars."""

    text: str = ""
    calls: tuple[ToolRequest, ...] = ()
    model: str = ""
    provider: str = "loopwright"
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    cost: float | None = None


class ModelError(Exception):
    """The model could not be reached, or failed; the text says why."""


class ChatModel(Protocol):
    """A chat model with tools."""

    @property
    def name(self) -> str:
        """The model, as spans name it."""

    @property
    def fired(self) -> frozenset[str]:
        """The planted defects that showed so far, for the ground truth; a real model knows of none."""

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Mapping[str, Tool]) -> Completion:
        """Answer the messages; raises `ModelError`."""
