"""Services that hold traces, and places that evaluations are written to: each built in a small function of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from loopwright.errors import ServiceError, UsageError, without_credentials
from loopwright.settings import Settings
from loopwright.wiring.collecting import redactor

if TYPE_CHECKING:
    from loopwright.adapters.connectors.address import Address
    from loopwright.adapters.connectors.pulling import Project
    from loopwright.collect.joining import GivenFeedback
    from loopwright.ports import Clock
    from loopwright.ports.connecting import EvaluationSink, TraceService
    from loopwright.workflows.connecting import Asked


def is_service(text: str) -> bool:
    """Whether this names a project of a service, as `langfuse://HOST/PROJECT` does, and not a file."""
    from loopwright.adapters.connectors.address import is_address

    return is_address(text)


def trace_service(
    text: str, settings: Settings, clock: Clock, tell: Callable[[str], None] = lambda _: None, *, keep: bool = True
) -> tuple[TraceService, Asked]:
    """The project of a service that an address names, and the time of it that is asked for.

    `keep` says that what comes is kept in the store, whose key for pseudonyms is used then; otherwise nothing is left behind.

    Credentials come from the environment variables of the service's own tools. Raises `UsageError` for an address that names
    nothing, `ServiceError` where there are no credentials.
    """
    from loopwright.adapters.connectors.address import parse
    from loopwright.adapters.connectors.pulling import Connection
    from loopwright.workflows.connecting import Asked

    now = clock.now()
    address = parse(text, now)
    asked = Asked(
        now,
        address.since,
        address.until,
        address.again,
        timedelta(seconds=float(settings["collect.quiet_seconds"])),
        timedelta(minutes=float(settings["connect.overlap_minutes"])),
    )
    return Connection(_project(address, settings, tell), redactor(settings, keep_key=keep)), asked


def evaluation_sink(text: str, settings: Settings, clock: Clock, tell: Callable[[str], None] = lambda _: None) -> EvaluationSink:
    """Where evaluations are written: a service's project, or the URL of any endpoint that takes OTLP logs.

    To an endpoint goes the token in LOOPWRIGHT_TOKEN, where there is one. Raises `UsageError` for anything else, and
    `ServiceError` where there are no credentials.
    """
    from loopwright.adapters.connectors.address import parse
    from loopwright.adapters.connectors.http import Manners, Service
    from loopwright.adapters.connectors.sinks import EvaluationEvents, LangfuseScores, LangSmithFeedback, PhoenixAnnotations
    from loopwright.agent.instrument import environment_token, is_url
    from loopwright.agent.outbox import authorization

    manners = Manners(tries=int(settings["connect.tries"]), timeout_s=float(settings["connect.timeout"]), tell=tell)
    if is_url(text):
        url = text.rstrip("/").removesuffix("/v1/logs")
        service = Service(without_credentials(url), url, authorization(environment_token()), "set LOOPWRIGHT_TOKEN", manners)
        return EvaluationEvents(service)
    if not is_service(text):
        raise UsageError(f"{text!r} is no place to write to; give langfuse://HOST/PROJECT, langsmith://, phoenix://, or a URL")
    address = parse(text, clock.now())
    headers, login = _login(address, os.environ)
    service = Service(address.name, address.base_url, headers, login, manners)
    if address.kind == "langsmith":
        return LangSmithFeedback(service, address.project)
    return LangfuseScores(service) if address.kind == "langfuse" else PhoenixAnnotations(service)


def redacted_feedback(given: GivenFeedback, settings: Settings) -> GivenFeedback:
    """Feedback as it is kept: without what the settings redact."""
    from loopwright.adapters.connectors.pulling import redact_given

    return redact_given(given, redactor(settings))


def shown(url: str) -> str:
    """A place as it is named in messages: without a login."""
    return without_credentials(url)


def _project(address: Address, settings: Settings, tell: Callable[[str], None]) -> Project:
    from loopwright.adapters.connectors.http import Manners, Service
    from loopwright.adapters.connectors.langfuse import Langfuse
    from loopwright.adapters.connectors.langsmith import LangSmith
    from loopwright.adapters.connectors.phoenix import Phoenix

    kinds: dict[str, Callable[[Service, str], Project]] = {"langfuse": Langfuse, "langsmith": LangSmith, "phoenix": Phoenix}
    headers, login = _login(address, os.environ)
    manners = Manners(tries=int(settings["connect.tries"]), timeout_s=float(settings["connect.timeout"]), tell=tell)
    return kinds[address.kind](Service(address.name, address.base_url, headers, login, manners), address.project)


def _login(address: Address, environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The headers that carry the credentials, and how to mend those that are not taken."""
    from loopwright.adapters.connectors import langfuse, langsmith, phoenix
    from loopwright.adapters.connectors.address import CREDENTIALS

    names = CREDENTIALS[address.kind]
    keys = [environ.get(name) or environ.get(name.replace("LANGSMITH", "LANGCHAIN")) for name in names]
    cure = f"set {' and '.join(names)} to keys of {address.project} that have not expired"
    if address.kind == "phoenix":
        return phoenix.headers(keys[0]), cure
    lacking = [name for name, key in zip(names, keys, strict=True) if not key]
    if lacking:
        raise ServiceError(f"{address.name} needs a login; set {' and '.join(lacking)}")
    if address.kind == "langfuse":
        return langfuse.headers(str(keys[0]), str(keys[1])), cure
    return langsmith.headers(str(keys[0]), environ.get("LANGSMITH_WORKSPACE_ID")), cure
