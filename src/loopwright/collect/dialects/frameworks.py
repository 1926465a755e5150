"""Frameworks that write names of their own: MLflow, Haystack, Laminar, LangWatch, Logfire's wrapped clients, LiveKit.

Their spans have a kind, and an input and an output as JSON; that is all that this table needs to know of them.
"""

from __future__ import annotations

from loopwright.collect.dialects.messages import messages, plain
from loopwright.collect.dialects.reading import Names, SpanReading, Table, decoded, mapping, shared, text, usage_of
from loopwright.collect.dialects.traceloop import call_arguments
from loopwright.collect.trace import Span, StepKind, Usage

NAMES: dict[str, Names] = {
    "kind": ("mlflow.spanType", "lmnr.span.type", "langwatch.span.type", "haystack.component.type"),
    "name": ("mlflow.spanFunctionName", "haystack.component.name"),
    "session_id": (
        "mlflow.trace.session", "lmnr.association.properties.session_id", "langwatch.thread.id", "langwatch.thread_id",
        "lk.session_id", "session.id",
    ),
    "user_id": (
        "mlflow.trace.user", "lmnr.association.properties.user_id", "langwatch.user.id", "langwatch.user_id", "user.id",
        "enduser.id",
    ),
    "input": (
        "mlflow.spanInputs", "haystack.component.input", "haystack.pipeline.input_data", "lmnr.span.input", "langwatch.input",
        "request_data", "lk.chat_ctx", "lk.user_input", "lk.function_tool.arguments", "input.value", "input",
    ),
    "output": (
        "mlflow.spanOutputs", "haystack.component.output", "haystack.pipeline.output_data", "lmnr.span.output",
        "langwatch.output", "response_data", "lk.response.text", "lk.function_tool.output", "output.value", "output",
    ),
    "usage": ("mlflow.chat.tokenUsage",),
    "model": ("mlflow.llm.model",),
    "call_id": ("lk.function_tool.id",),
    "tool": ("lk.function_tool.name",),
}  # fmt: skip
_COUNTS = Table({"input_tokens": ("input_tokens",), "output_tokens": ("output_tokens",)})
KINDS: dict[str, StepKind] = {
    "chat_model": "model",
    "llm": "model",
    "agent": "agent",
    "tool": "tool",
    "retriever": "retrieval",
    "rag": "retrieval",
    "reranker": "retrieval",
    "guardrail": "guardrail",
    "openaichatgenerator": "model",
    "openaigenerator": "model",
    "toolinvoker": "tool",
}
PREFIXES: tuple[str, ...] = ()
_TABLE = Table(NAMES)
CONTENT = frozenset(name for names in NAMES.values() for name in names)
_HEADS = frozenset(name.partition(".")[0] for names in (NAMES["input"], NAMES["output"], NAMES["kind"]) for name in names)
_OWN_HEADS = _HEADS - {"input", "output"}
"""Without the names that OpenInference reads better."""


def tells(names: frozenset[str], heads: frozenset[str]) -> bool:
    """Whether spans with attributes of these names are written in this dialect."""
    return not heads.isdisjoint(_HEADS if "openinference" not in heads else _OWN_HEADS)


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    told = _TABLE.told(attributes)
    tool = text(told.get("tool"))
    kind = "tool" if tool else KINDS.get((text(told.get("kind")) or "").strip('"').lower())
    arguments, result = (call_arguments(decoded(told.get(side))) for side in ("input", "output"))
    reads = messages if kind == "model" else plain
    talks = kind not in ("tool", "retrieval", "guardrail")
    given = reads(arguments, "user") if talks else ()
    gave = reads(result, "assistant") if talks else ()
    usage = usage_of(_COUNTS.told(mapping(told.get("usage"))))
    return SpanReading(
        kind,
        tool or text(told.get("name")) or "",
        given,
        gave,
        arguments=None if given else arguments,
        result=None if gave else result,
        usage=usage or Usage(),
        **shared(told),
    )
