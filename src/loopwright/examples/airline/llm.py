"""A real language model in the planner's place, through pydantic-ai: the same tools, guards and spans."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loopwright.errors import UsageError
from loopwright.examples.airline.model import Completion, ModelError, ToolRequest
from loopwright.examples.airline.toolbox import Tool

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters

_CHAT = re.compile(r"^openai:")
MISSING = "LOOPWRIGHT_AIRLINE_MODEL needs pydantic-ai; pip install 'loopwright[llm]'"


class LanguageModel:
    """A chat model by pydantic-ai's name for it, such as `openai:gpt-4.1-mini`; raises `UsageError` where it cannot be used.

    `openai:` speaks chat completions, as any compatible service does. Not to be called where an event loop is running.

    Time-outs, refused keys and the like are `ModelError`. The latency is measured; the cost is left to the price list.
    """

    fired: frozenset[str] = frozenset()

    def __init__(self, name: str) -> None:
        self.name = name
        self._model = _infer(name)

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Mapping[str, Tool]) -> Completion:
        """Answer the messages; raises `ModelError`."""
        from pydantic_ai.exceptions import AgentRunError, UserError  # noqa: PLC0415

        started = time.perf_counter()
        try:
            response = asyncio.run(_request(self._model, _history(messages), _parameters(tools)))
        except (AgentRunError, UserError) as error:
            raise ModelError(f"{self.name}: {type(error).__name__}: {error}"[:500]) from error
        calls = tuple(ToolRequest(part.tool_call_id, part.tool_name, _arguments(part)) for part in response.tool_calls)
        return Completion(
            text=response.text or "",
            calls=calls,
            model=response.model_name or self.name,
            provider=self.name.partition(":")[0],
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
            seconds=time.perf_counter() - started,
            cost=None,
        )


async def _request(model: Model, history: list[ModelMessage], parameters: ModelRequestParameters) -> ModelResponse:
    """One request on a connection of its own, closed after it."""
    from pydantic_ai.direct import model_request  # noqa: PLC0415

    async with model:
        return await model_request(model, history, model_request_parameters=parameters)


def _infer(name: str) -> Model:
    try:
        from pydantic_ai.exceptions import UserError  # noqa: PLC0415
        from pydantic_ai.models import infer_model  # noqa: PLC0415
    except ImportError:
        raise UsageError(MISSING) from None
    try:
        return infer_model(_CHAT.sub("openai-chat:", name))
    except ImportError:
        raise UsageError(MISSING) from None
    except (UserError, ValueError) as error:
        raise UsageError(f"the model {name!r} cannot be used: {error}") from None


def _arguments(part: Any) -> Any:
    """The arguments as an object; what is not one is handed on as sent, for the tool to refuse."""
    try:
        return part.args_as_dict()
    except (ValueError, AssertionError):
        return part.args


def _parameters(tools: Mapping[str, Tool]) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415
    from pydantic_ai.tools import ToolDefinition  # noqa: PLC0415

    rows = [ToolDefinition(name=t.name, description=t.description, parameters_json_schema=t.schema) for t in tools.values()]
    return ModelRequestParameters(function_tools=rows)


def _history(messages: Sequence[Mapping[str, Any]]) -> list[ModelMessage]:
    """The chat messages as pydantic-ai has them: one request or response each."""
    from pydantic_ai import messages as m  # noqa: PLC0415

    history: list[ModelMessage] = []
    for message in messages:
        role, content = message["role"], message.get("content") or ""
        if role == "assistant":
            parts: list[Any] = [m.TextPart(content)] if content else []
            parts += [m.ToolCallPart(c["name"], c["arguments"], c["id"]) for c in message.get("tool_calls") or ()]
            history.append(m.ModelResponse(parts=parts))
        elif role == "tool":
            part = m.ToolReturnPart(tool_name=message["name"], content=content, tool_call_id=message["tool_call_id"])
            history.append(m.ModelRequest(parts=[part]))
        else:
            kind = m.SystemPromptPart if role == "system" else m.UserPromptPart
            history.append(m.ModelRequest(parts=[kind(content)]))
    return history
