"""Language models over pydantic-ai: one request, one reply, and every failure a reply too.

Names are `provider:model`. `openai:` speaks chat completions, also to any service that is compatible with it (`base_url`). Keys
come from the provider's own environment variable and from nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from loopwright.effects import Reply, Request
from loopwright.errors import MissingExtraError, UsageError, without_credentials

_OPENAI = ("openai", "openai-chat")
_PRICED_BY_NAME = "openai"
_REFUSALS = (400, 422)
"""What a service answers to a request whose form it does not take."""


class LanguageModel:
    """The `Model` port. A request that fails is tried `retries` times more, with growing pauses, as the service asks for.

    `timeout_s` bounds one try. `base_url` is of a service that is compatible with OpenAI's. Raises `MissingExtraError` where the
    libraries are not installed, and `UsageError` for a name that cannot be used, before anything is sent.
    """

    def __init__(self, name: str, *, base_url: str = "", timeout_s: float = 60.0, retries: int = 3) -> None:
        provider, found, model = name.partition(":")
        if not (found and provider.strip() and model.strip()):
            raise UsageError(f"model {name!r} names no provider; give provider:model, such as openai:gpt-4.1-mini")
        if base_url and provider not in _OPENAI:
            raise UsageError(
                f"model.base_url is for openai: models, and the model is {name!r}; leave it out, or name openai:MODEL"
            )
        self.name = name
        self._provider, self._model = provider, model
        self._base_url, self._timeout_s, self._retries = base_url, timeout_s, retries
        self._check()

    async def complete(self, request: Request) -> Reply:
        """Answer; a failure is a reply whose `error` is set, in one line.

        A request with a schema is made as structured output, and `value` is the decoded JSON, None where the text is none. The
        temperature is left to the model. `Request.model` only says what is meant: this adapter is one model.
        """
        from pydantic_ai.exceptions import AgentRunError, UserError  # noqa: PLC0415

        whole = self._timeout_s * (self._retries + 1) + 10.0 * self._retries
        try:
            async with asyncio.timeout(whole), self._opened() as model:
                response = await _answered(model, request, self._timeout_s)
        except TimeoutError:
            return Reply("", model=self.name, error=f"{self.name} did not answer within {whole:g} s")
        except (AgentRunError, UserError, OSError) as error:
            return Reply("", model=self.name, error=self._told(error))
        text = "".join(part.content for part in response.parts if part.part_kind == "text")
        usage = response.usage
        return Reply(
            text=text,
            value=_decoded(text) if request.schema is not None else None,
            model=self.name,
            cost_usd=self._cost(response),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            error=None if text.strip() else f"{self.name} answered without text ({response.finish_reason or 'no reason given'})",
        )

    def _check(self) -> None:
        """Refuse at the door what could not be used: a library that is missing, an unknown provider, a missing key."""
        try:
            from pydantic_ai.exceptions import UserError  # noqa: PLC0415
            from pydantic_ai.models import infer_model  # noqa: PLC0415
            from pydantic_ai.models.openai import OpenAIChatModel  # noqa: F401, PLC0415
        except ImportError:
            raise MissingExtraError("a language model", "llm") from None
        if self._provider in _OPENAI:
            if not self._base_url and not os.environ.get("OPENAI_API_KEY") and not os.environ.get("OPENAI_BASE_URL"):
                raise UsageError(
                    f"model {self.name!r} needs a key: set OPENAI_API_KEY, or model.base_url for a service that needs none"
                )
            return
        try:
            infer_model(self.name)
        except ImportError:
            raise UsageError(
                f"model {self.name!r} needs its provider's library: pip install 'pydantic-ai-slim[{self._provider}]'"
            ) from None
        except UserError as error:
            raise UsageError(_one_line(error)) from None

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Any]:
        """The model with a connection of its own, closed afterwards: a command may use several event loops, one after another."""
        from pydantic_ai.models import infer_model  # noqa: PLC0415

        if self._provider not in _OPENAI:
            async with infer_model(self.name) as other:
                yield other
            return
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient  # noqa: PLC0415
        from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
        from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

        key = os.environ.get("OPENAI_API_KEY") or "none"
        http = DefaultAsyncHttpxClient(verify=_certificates())
        async with AsyncOpenAI(
            api_key=key, base_url=self._base_url or None, max_retries=self._retries, http_client=http
        ) as client:
            yield OpenAIChatModel(self._model, provider=OpenAIProvider(openai_client=client))

    def _cost(self, response: Any) -> float | None:
        """What the provider's list says of the tokens; None where the model has no price there."""
        from genai_prices import calc_price  # noqa: PLC0415

        provider = _PRICED_BY_NAME if self._provider in _OPENAI else self._provider
        try:
            return float(calc_price(response.usage, self._model, provider_id=provider).total_price)
        except (LookupError, ValueError):
            return None

    def _told(self, error: Exception) -> str:
        """What went wrong in one line: the status first, where there is one."""
        status = getattr(error, "status_code", None)
        body = getattr(error, "body", None)
        message = body.get("message") if isinstance(body, dict) else None
        told = f"status {status}: {message or 'no message'}" if status is not None else str(error) or type(error).__name__
        return f"{self.name}: {_one_line(told)}"


@cache
def _certificates() -> Any:
    """The certificates to trust, read once: that takes longer than all the rest of a connection."""
    from httpx2 import create_ssl_context  # noqa: PLC0415

    return create_ssl_context()


async def _answered(model: Any, request: Request, timeout_s: float) -> Any:
    """The response; a service that refuses structured output is asked once more without it, since the prompt tells the form."""
    from pydantic_ai.exceptions import ModelHTTPError  # noqa: PLC0415

    schema = request.schema if model.profile.get("supports_json_schema_output") else None
    try:
        return await _ask(model, request, timeout_s, schema)
    except ModelHTTPError as error:
        if schema is None or error.status_code not in _REFUSALS:
            raise
        return await _ask(model, request, timeout_s, None)


async def _ask(model: Any, request: Request, timeout_s: float, schema: dict[str, Any] | None) -> Any:
    from pydantic_ai.direct import model_request  # noqa: PLC0415
    from pydantic_ai.messages import ModelRequest  # noqa: PLC0415
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415
    from pydantic_ai.output import OutputObjectDefinition  # noqa: PLC0415

    parameters = ModelRequestParameters()
    if schema is not None:
        name = "".join(c if c.isalnum() else "_" for c in request.purpose) or "answer"
        output = OutputObjectDefinition(json_schema=schema, name=name, strict=True)
        parameters = ModelRequestParameters(output_mode="native", output_object=output)
    return await model_request(
        model,
        [ModelRequest.user_text_prompt(request.prompt)],
        model_settings={"timeout": timeout_s},
        model_request_parameters=parameters,
    )


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _one_line(error: object) -> str:
    line = without_credentials(" ".join(str(error).split()))
    return line if len(line) <= 300 else line[:299] + "…"
