"""Functions that stream: each step of a generator runs in a context of its own, where its span is the current one.

A generator shares the context of whoever reads it, so that a span made current inside would be current outside, too, between two
chunks. Here every step runs in a copy of the context in which reading began.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, ExitStack
from contextvars import Context, copy_context
from typing import Any, Protocol

from opentelemetry.trace import Span

CUT = "loopwright.stream.cut"
"""The attribute of a span that says that its reader stopped before the end of the stream."""


class StreamRun(Protocol):
    """One call of a function that streams: what stands in its span."""

    def instead(self) -> tuple[bool, Any]:
        """Whether something else answers in place of the function, and what."""

    def streamed(self, span: Span, chunks: list[Any], ran: bool) -> None:
        """The stream has ended, and gave these chunks."""


Opened = Callable[[Any], AbstractContextManager[Span]]
Begun = Callable[[tuple[Any, ...], dict[str, Any]], StreamRun]


def traced(function: Callable[..., Generator[Any, Any, Any]], run: Begun, opened: Opened) -> Callable[..., Any]:
    """A generator function, read within the span of a run, which ends with the last chunk."""

    @functools.wraps(function)
    def streamed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return (yield from _read(run(args, kwargs), opened, lambda: function(*args, **kwargs)))

    return streamed


def atraced(function: Callable[..., AsyncGenerator[Any, Any]], run: Begun, opened: Opened) -> Callable[..., Any]:
    """An async generator function, read within the span of a run, which ends with the last chunk."""

    @functools.wraps(function)
    async def streamed(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        stream = _Stream(run(args, kwargs), opened)
        try:
            answered, result = stream.enter()
            if answered:
                yield stream.keep(result)
                stream.end(False)
                return
            source = stream.context.run(function, *args, **kwargs)
            step: Awaitable[Any] = source.__anext__()
            while True:
                try:
                    chunk = stream.keep(await _Within(step, stream.context))
                except StopAsyncIteration:
                    stream.end(True)
                    return
                try:
                    sent = yield chunk
                except GeneratorExit:
                    await _Within(source.aclose(), stream.context)
                    stream.cut()
                    raise
                except BaseException as error:
                    step = source.athrow(error)
                else:
                    step = source.asend(sent)
        except BaseException as error:
            stream.fail(error)
            raise
        finally:
            stream.close()

    return streamed


def _read(run: StreamRun, opened: Opened, begin: Callable[[], Generator[Any, Any, Any]]) -> Generator[Any, Any, Any]:
    stream = _Stream(run, opened)
    try:
        answered, result = stream.enter()
        if answered:
            yield stream.keep(result)
            return stream.end(False)
        source = stream.context.run(begin)
        resume: Callable[[], Any] = lambda: next(source)  # noqa: E731
        while True:
            try:
                chunk = stream.keep(stream.context.run(resume))
            except StopIteration as stop:
                stream.end(True)
                return stop.value
            try:
                sent = yield chunk
            except GeneratorExit:
                stream.context.run(source.close)
                stream.cut()
                raise
            except BaseException as error:
                resume = _thrower(source, error)
            else:
                resume = _sender(source, sent)
    except BaseException as error:
        stream.fail(error)
        raise
    finally:
        stream.close()


class _Stream:
    """The span of a run, kept open in a context of its own from the first chunk to the last."""

    def __init__(self, run: StreamRun, opened: Opened) -> None:
        self.context: Context = copy_context()
        self._run = run
        self._opened = opened
        self._stack = ExitStack()
        self._span: Span | None = None
        self._error: BaseException | None = None
        self._chunks: list[Any] = []

    def enter(self) -> tuple[bool, Any]:
        self._span = self.context.run(self._stack.enter_context, self._opened(self._run))
        return self.context.run(self._run.instead)

    def keep(self, chunk: Any) -> Any:
        self._chunks.append(chunk)
        return chunk

    def end(self, ran: bool) -> None:
        assert self._span is not None
        self.context.run(self._run.streamed, self._span, self._chunks, ran)

    def cut(self) -> None:
        """The reader has enough: what was given until then is the answer, and no error."""
        assert self._span is not None
        self._span.set_attribute(CUT, True)
        self.end(True)

    def fail(self, error: BaseException) -> None:
        self._error = None if isinstance(error, GeneratorExit) else error

    def close(self) -> None:
        error, self._error = self._error, None
        if error is None:
            self.context.run(self._stack.close)
        else:
            try:
                self.context.run(self._stack.__exit__, type(error), error, error.__traceback__)
            except BaseException as again:
                if again is not error:
                    raise


class _Within:
    """An awaitable each of whose steps runs in a context, whatever task awaits it."""

    def __init__(self, awaitable: Awaitable[Any], context: Context) -> None:
        self._awaitable = awaitable
        self._context = context

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._awaitable.__await__()
        resume: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                waited = self._context.run(resume)
            except StopIteration as stop:
                return stop.value
            try:
                sent = yield waited
            except BaseException as error:
                resume = _thrower(steps, error)
            else:
                resume = _sender(steps, sent)


def _sender(source: Generator[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: source.send(value)


def _thrower(source: Generator[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: source.throw(error)
