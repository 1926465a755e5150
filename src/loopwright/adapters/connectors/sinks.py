"""Where evaluations are written: Langfuse's scores, LangSmith's feedback, Phoenix's annotations, and OTLP log events anywhere."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from loopwright.adapters.connectors import langfuse, langsmith
from loopwright.adapters.connectors.http import NotTaken, NotThere, Service
from loopwright.agent import otlp_json
from loopwright.audit.digest import digest
from loopwright.ports.connecting import Evaluation, Unread

JUDGE = "loopwright.judge"
SCORES = f"{langfuse.API}/scores"
_HEX = frozenset("0123456789abcdef")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sink:
    """What all of them share: a service."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @property
    def name(self) -> str:
        """What it is called."""
        return self.service.name

    def close(self) -> None:
        """Let the connections go."""
        self.service.close()


class OneByOne(Sink, ABC):
    """A service that takes one evaluation a request."""

    def put(self, evaluations: Sequence[Evaluation]) -> list[Unread]:
        """Write a batch; returns those that the service does not take."""
        refused: list[Unread] = []
        for evaluation in evaluations:
            try:
                self.write(evaluation)
            except (NotThere, NotTaken) as error:
                refused.append(Unread(evaluation.id, f"trace {evaluation.trace_id}: {error}", "not taken"))
        return refused

    @abstractmethod
    def write(self, evaluation: Evaluation) -> None:
        """Write one; raises `ServiceError`."""


class LangfuseScores(OneByOne):
    """A score for each evaluation; a score of the same id and timestamp replaces the one before."""

    _listed = False
    """Whether the server takes scores in lists alone."""

    def write(self, evaluation: Evaluation) -> None:
        """See `OneByOne`."""
        numeric = evaluation.value is not None
        told = {
            "id": evaluation.id,
            "traceId": evaluation.trace_id,
            "observationId": evaluation.span_id,
            "name": evaluation.name,
            "value": evaluation.value if numeric else evaluation.label,
            "dataType": "NUMERIC" if numeric else "CATEGORICAL",
            "comment": _said(evaluation) or None,
            "timestamp": None if evaluation.at is None else evaluation.at.isoformat(),
            "metadata": {"label": evaluation.label, **(evaluation.details or {})},
        }
        body = {key: value for key, value in told.items() if value is not None}
        if not self._listed:
            try:
                self.service.post(SCORES, body)
            except NotTaken as error:
                if error.status != 400:
                    raise
                self._write_listed(body)
                self._listed = True
            return
        self._write_listed(body)

    def _write_listed(self, body: dict[str, Any]) -> None:
        answer = self.service.post(SCORES, [body])
        if isinstance(answer, dict) and answer.get("rejected"):
            said = next((one.get("message") for one in answer.get("errors") or [] if isinstance(one, dict)), "no reason")
            raise NotTaken(f"{self.service.name}: {SCORES} rejected it: {said}", 400)


class LangSmithFeedback(OneByOne):
    """Feedback for each evaluation, under an id that is derived from the evaluation's; one that is there is changed."""

    def __init__(self, service: Service, project: str) -> None:
        super().__init__(service)
        self._project = langsmith.LangSmith(service, project)

    def write(self, evaluation: Evaluation) -> None:
        """See `OneByOne`."""
        id = str(uuid.UUID(digest(evaluation.id, length=32)))
        said = {"score": evaluation.value, "value": evaluation.label or None, "comment": evaluation.comment}
        source = {"type": "model" if evaluation.name == JUDGE else "api", "metadata": {"evaluation_id": evaluation.id}}
        body = {
            "id": id,
            "run_id": evaluation.span_id or evaluation.trace_id,
            "trace_id": evaluation.trace_id,
            "session_id": self._project.session_id(),
            "key": evaluation.name,
            "feedback_source": source,
            **said,
        }
        try:
            self.service.post(f"{langsmith.API}/feedback", body)
        except NotTaken as error:
            if error.status != 409:
                raise
            self.service.patch(f"{langsmith.API}/feedback/{id}", said)


class PhoenixAnnotations(OneByOne):
    """An annotation for each evaluation; its identifier is the evaluation's id, and the same identifier replaces it."""

    def write(self, evaluation: Evaluation) -> None:
        """See `OneByOne`."""
        level, id = ("span", evaluation.span_id) if evaluation.span_id else ("trace", evaluation.trace_id)
        item = {
            f"{level}_id": id,
            "name": evaluation.name,
            "annotator_kind": "LLM" if evaluation.name == JUDGE else "CODE",
            "result": {"label": evaluation.label or None, "score": evaluation.value, "explanation": evaluation.comment or None},
            "metadata": dict(evaluation.details or {}),
            "identifier": evaluation.id,
        }
        self.service.post(f"/v1/{level}_annotations", {"data": [item]}, {"sync": "true"})


class EvaluationEvents(Sink):
    """`gen_ai.evaluation.result` events to any endpoint that takes OTLP logs. OTLP replaces nothing: ids tell repeats."""

    def put(self, evaluations: Sequence[Evaluation]) -> list[Unread]:
        """Write a batch; returns those without an OpenTelemetry id, and those that the endpoint rejects."""
        named, refused = [], []
        for made in evaluations:
            if _is_hex(made.trace_id, 32):
                named.append(made)
            else:
                refused.append(Unread(made.id, f"{made.trace_id} is no trace id of OpenTelemetry", "bad id"))
        if not named:
            return refused
        resource = {"attributes": otlp_json.attributes({"service.name": "loopwright"})}
        scoped = [{"scope": {"name": "loopwright"}, "logRecords": [_record(made) for made in named]}]
        answer = self.service.post("/v1/logs", {"resourceLogs": [{"resource": resource, "scopeLogs": scoped}]})
        partial = answer.get("partialSuccess") if isinstance(answer, dict) else None
        if isinstance(partial, dict) and int(partial.get("rejectedLogRecords") or 0):
            if len(named) > 1:
                return refused + [one for made in named for one in self.put([made])]
            refused.append(Unread(named[0].id, str(partial.get("errorMessage") or "rejected"), "not taken"))
        return refused


def _record(evaluation: Evaluation) -> dict[str, Any]:
    content: dict[str, Any] = {
        "gen_ai.evaluation.name": evaluation.name,
        "gen_ai.evaluation.score.value": evaluation.value,
        "gen_ai.evaluation.score.label": evaluation.label,
        "gen_ai.evaluation.explanation": evaluation.comment,
        "loopwright.evaluation.id": evaluation.id,
    }
    at = 0 if evaluation.at is None else int((evaluation.at - _EPOCH).total_seconds() * 1_000_000) * 1000
    record = {
        "timeUnixNano": str(at),
        "eventName": "gen_ai.evaluation.result",
        "traceId": evaluation.trace_id,
        "attributes": otlp_json.attributes({key: value for key, value in content.items() if value not in (None, "")}),
    }
    return {**record, "spanId": evaluation.span_id} if _is_hex(evaluation.span_id or "", 16) else record


def _said(evaluation: Evaluation) -> str:
    return ": ".join(text for text in (evaluation.label, evaluation.comment) if text)


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and _HEX.issuperset(text.lower())
