"""Decorators for an agent in plain Python: its turns and its tools become spans, and run under its guards.

from loopwright.agent.tracing import agent, tool

@tool
def get_order(order: str) -> dict: ...

@agent
def answer(question, session_id=None): ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from opentelemetry import trace
from opentelemetry.trace import Span, format_trace_id

from loopwright.agent import genai_messages, guarding, streaming
from loopwright.agent.guarding import BlockedError
from loopwright.guards.harness import GuardedSession

F = TypeVar("F", bound=Callable[..., Any])
_session: ContextVar[str | None] = ContextVar("loopwright_session_id", default=None)
_SESSION_ARGUMENT = "session_id"


@contextmanager
def session(session_id: str) -> Iterator[None]:
    """What agents do within belongs to this session: the traces of one conversation.

    After `instrument`, spans of frameworks' own instrumentations are told it too.
    """
    token = _session.set(session_id)
    try:
        yield
    finally:
        _session.reset(token)


def current_session_id() -> str | None:
    """The session that runs here, as `session(...)` or an agent's argument named it."""
    return _session.get()


def current_trace_id() -> str | None:
    """The id of the trace that is running here, as `feedback` takes it; None outside of one."""
    context = trace.get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


@overload
def agent(function: F, /) -> F: ...
@overload
def agent(*, name: str | None = None) -> Callable[[F], F]: ...
def agent(function: Any = None, /, *, name: str | None = None) -> Any:
    """One turn of an agent: a span `invoke_agent`, with what it was given and gave.

    The first argument is the user's text, or the chat messages so far; the answer is text, or an object with `output` and
    perhaps `messages`. An argument called `session_id` names the session; `session(...)` around the call does too. The function
    may be async. What it raises is recorded, and raised.

    It may stream, as a generator or an async generator: its span lasts from the first chunk to the last, and the answer is its
    chunks of text together, or all chunks as JSON where none is text.

    Where guards enforce, one may replace the answer, or stop it: then `BlockedError` is raised. What was streamed cannot be taken
    back: guards see it when it is whole, one that stops it raises at the end, and one that would replace it changes nothing.
    """

    def decorate(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        return _wrapped(wrapped, lambda bound: _AgentRun(name or wrapped.__name__, bound))

    return decorate if function is None else decorate(function)


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, name: str | None = None) -> Callable[[F], F]: ...
def tool(function: Any = None, /, *, name: str | None = None) -> Any:
    """A tool of an agent: a span `execute_tool`, with its arguments by name, its result or its error.

    Where guards enforce, a call may be answered by one of them and not run, or be stopped: then `BlockedError` is raised, whose
    text tells the agent's model why. The function may be async, and may stream, as in `agent`.
    """

    def decorate(wrapped: Callable[..., Any]) -> Callable[..., Any]:
        return _wrapped(wrapped, lambda bound: _ToolRun(name or wrapped.__name__, bound))

    return decorate if function is None else decorate(function)


@dataclass(slots=True)
class _AgentRun:
    """One turn: what stands in its span, and what the guards are shown."""

    name: str
    arguments: Mapping[str, Any]
    session: GuardedSession | None = None

    @property
    def span_name(self) -> str:
        return f"invoke_agent {self.name}"

    @property
    def said(self) -> Any:
        return next((value for key, value in self.arguments.items() if key not in ("self", "cls", _SESSION_ARGUMENT)), None)

    @contextmanager
    def around(self, span: Span) -> Iterator[None]:
        named = self.arguments.get(_SESSION_ARGUMENT) or _session.get()
        span.set_attributes({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": self.name})
        span.set_attribute("gen_ai.input.messages", genai_messages.received(self.said))
        if named is not None:
            span.set_attribute("gen_ai.conversation.id", str(named))
        token = _session.set(None if named is None else str(named))
        try:
            with guarding.guarded(None if named is None else str(named)) as self.session:
                if self.session is not None:
                    heard = len(self.session.records)
                    self.session.message("user", genai_messages.last_text(self.said))
                    guarding.tell(self.session, heard)
                yield
        finally:
            _session.reset(token)

    def instead(self) -> tuple[bool, Any]:
        return False, None

    def gave(self, span: Span, result: Any, ran: bool) -> Any:
        if self.session is not None:
            result = self._guarded(self.session, result)
        span.set_attribute("gen_ai.output.messages", genai_messages.given(result))
        return result

    def streamed(self, span: Span, chunks: list[Any], ran: bool) -> None:
        said = _together(chunks)
        span.set_attribute("gen_ai.output.messages", genai_messages.given(said))
        if self.session is not None:
            self._guarded(self.session, said)

    def failed(self, error: BaseException) -> None:
        """Nothing more than the span tells."""

    def _guarded(self, session: GuardedSession, result: Any) -> Any:
        said = result.get("output") if isinstance(result, Mapping) else result
        if not isinstance(said, str):
            return result
        heard = len(session.records)
        decision = session.answer(said)
        guarding.tell(session, heard)
        if decision.action == "block":
            raise BlockedError(decision.reason)
        final = decision.replacement if decision.action == "replace" else said
        session.message("assistant", final)
        if final == said:
            return result
        return {**result, "output": final} if isinstance(result, Mapping) else final


@dataclass(slots=True)
class _ToolRun:
    """One tool call: what stands in its span, and what the guards are shown."""

    name: str
    arguments: Mapping[str, Any]
    session: GuardedSession | None = None

    @property
    def span_name(self) -> str:
        return f"execute_tool {self.name}"

    @contextmanager
    def around(self, span: Span) -> Iterator[None]:
        self.arguments = {key: value for key, value in self.arguments.items() if key not in ("self", "cls")}
        span.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": self.name})
        span.set_attribute("gen_ai.tool.call.arguments", genai_messages.as_json(self.arguments))
        self.session = guarding.current_session()
        yield

    def instead(self) -> tuple[bool, Any]:
        """Whether a guard answers for the tool, and what it answers; raises `BlockedError` where it stops the call."""
        if self.session is None:
            return False, None
        decision = guarding.before(self.session, guarding.ToolCall(self.name, self.arguments))
        if decision.action == "block":
            raise BlockedError(decision.reason)
        return decision.action == "replace", decision.replacement

    def gave(self, span: Span, result: Any, ran: bool) -> Any:
        span.set_attribute("gen_ai.tool.call.result", genai_messages.as_text(result))
        if self.session is not None and ran:
            guarding.after(self.session, guarding.ToolCall(self.name, self.arguments), result)
        return result

    def streamed(self, span: Span, chunks: list[Any], ran: bool) -> None:
        self.gave(span, _together(chunks), ran)

    def failed(self, error: BaseException) -> None:
        if self.session is not None and not isinstance(error, BlockedError):
            guarding.after(self.session, guarding.ToolCall(self.name, self.arguments), None, f"{type(error).__name__}: {error}")


def _wrapped(function: Callable[..., Any], run_of: Callable[[Mapping[str, Any]], _AgentRun | _ToolRun]) -> Callable[..., Any]:
    """The function within a span."""
    signature = inspect.signature(function)

    def run(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _AgentRun | _ToolRun:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            return run_of({"args": args, **kwargs} if args else kwargs)
        bound.apply_defaults()
        return run_of(bound.arguments)

    if inspect.isgeneratorfunction(function):
        return streaming.traced(function, run, _span)
    if inspect.isasyncgenfunction(function):
        return streaming.atraced(function, run, _span)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def traced_async(*args: Any, **kwargs: Any) -> Any:
            current = run(args, kwargs)
            with _span(current) as span:
                answered, result = current.instead()
                return current.gave(span, result if answered else await function(*args, **kwargs), not answered)

        return traced_async

    @functools.wraps(function)
    def traced(*args: Any, **kwargs: Any) -> Any:
        current = run(args, kwargs)
        with _span(current) as span:
            answered, result = current.instead()
            return current.gave(span, result if answered else function(*args, **kwargs), not answered)

    return traced


def _together(chunks: list[Any]) -> Any:
    """What a stream said: its chunks of text put together, else all of its chunks as JSON text."""
    texts = [chunk for chunk in chunks if isinstance(chunk, str)]
    return "".join(texts) if texts or not chunks else chunks[0] if len(chunks) == 1 else genai_messages.as_json(chunks)


@contextmanager
def _span(run: _AgentRun | _ToolRun) -> Iterator[Span]:
    with trace.get_tracer("loopwright").start_as_current_span(run.span_name) as span, run.around(span):
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            run.failed(error)
            raise
