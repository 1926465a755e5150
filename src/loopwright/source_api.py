"""The source article's functions, by their own names and signatures, over the stages.

"From Agent Harness to Self-Improving AI Systems" prints a loop in four blocks of code. They run here as printed: on our
dataclasses, or on any objects with the same fields, such as the article's own. Where we differ on purpose, the docstring says
so, and `tests/test_source.py` shows both behaviours side by side.

    ranked = mine_failures(traces, {FailureSignal.HARD_ERROR: 1.0, ...})
    clusters = cluster_failures(ranked, embedding_fn)
    case = generate_eval_from_cluster(description, clusters[0], llm_client)
    decision = regression_gate(eval_results, baseline_results)

These are functions over lists in memory: for files, a store, repeated trials and stated error rates use the commands.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from loopwright.cluster import clustering, density
from loopwright.cluster.mode import Clustering
from loopwright.cluster.options import Options
from loopwright.cluster.recipe import source_text
from loopwright.errors import InputError, UsageError
from loopwright.evaluate import generate
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.naive import naive_regressions
from loopwright.mine.signal import FailureSignal, FailureTrace
from loopwright.registry import unknown


class TraceLike(Protocol):
    """What the functions read of a failing trace: our `FailureTrace`, the article's, or your own."""

    @property
    def trace_id(self) -> str: ...  # noqa: D102
    @property
    def signal_type(self) -> Any: ...  # noqa: D102
    @property
    def input_payload(self) -> Any: ...  # noqa: D102
    @property
    def failure_reason(self) -> str: ...  # noqa: D102
    @property
    def context_snapshot(self) -> Any: ...  # noqa: D102
    @property
    def severity(self) -> float: ...  # noqa: D102


class ResultLike(Protocol):
    """What the gate reads of a result: our `EvalResult`, or your own. Our other fields are used where they are there."""

    @property
    def eval_id(self) -> str: ...  # noqa: D102
    @property
    def passed(self) -> bool | None: ...  # noqa: D102


class LLMClient(Protocol):
    """A language model, as the article calls it."""

    def generate(self, prompt: str) -> str:
        """The reply to `prompt`."""


T = TypeVar("T", bound=TraceLike)
R = TypeVar("R", bound=ResultLike)


def mine_failures(traces: Iterable[T], signal_weights: Mapping[Any, float]) -> list[T]:
    """Rank failures by severity times the weight of their signal type, strongest first; ties stay in the order given.

    Signal types match by value, so that the article's enum, ours and plain text such as `"hard_error"` may be mixed. Nothing is
    filtered out; a trace without a signal has no strength. Raises `UsageError` for a signal type without a weight, and
    `InputError` for a strength that is not a finite number, by which nothing can be ranked.
    """
    traces = list(traces)
    weights = {_value(signal): weight for signal, weight in signal_weights.items()}
    strengths = [_strength(trace, weights) for trace in traces]
    order = sorted(range(len(strengths)), key=lambda index: -strengths[index])
    return [traces[index] for index in order]


class FailureClusters(dict[int, list[T]]):
    """Clusters by label, as the article returns them; `one_offs` are the failures in none, in the order given."""

    def __init__(self, clusters: Mapping[int, list[T]], one_offs: Sequence[T] = ()) -> None:
        super().__init__(clusters)
        self.one_offs = list(one_offs)


def cluster_failures(
    failure_traces: Iterable[T],
    embedding_fn: Callable[[str], Any],
    min_cluster_size: int = 3,
    *,
    method: Literal["average", "dbscan"] = "average",
    granularity: float = 0.0,
) -> FailureClusters[T]:
    """Group failures that share a cause: clusters by label, each with its failures in the order given, and the one-offs.

    `embedding_fn` turns a text into a vector. By default inputs and reasons are masked and compared by average linkage, cut at
    `granularity` robust standard deviations above the cosine of random pairs (0 chooses from the data), and label 0 is the
    largest cluster. `dbscan` is the article's way, label for label: its text, eps 0.3, scikit-learn; it calls nearly all prose
    noise. Raises `UsageError` for a size below 1 or an unknown method, and `InputError` for vectors that cannot be compared.
    """
    if min_cluster_size < 1:
        raise UsageError(f"min_cluster_size is {min_cluster_size}; give a whole number of at least 1")
    if method not in ("average", "dbscan"):
        raise UsageError(unknown("method", method, ("average", "dbscan")))
    traces = list(failure_traces)
    failures = [_failure(trace, str(index)) for index, trace in enumerate(traces)]
    if not failures:
        return FailureClusters({})
    if method == "dbscan":
        vectors = _vectors([source_text(trace) for trace in failures], embedding_fn)
        labels = density.group(vectors, np.ones(len(failures), np.int64), min_cluster_size).labels.tolist()
    else:
        labels = _average(failures, embedding_fn, Options(granularity=granularity, min_size=min_cluster_size))
    clusters: dict[int, list[T]] = {label: [] for label in dict.fromkeys(labels) if label >= 0}
    one_offs: list[T] = []
    for trace, label in zip(traces, labels, strict=True):
        (clusters[label] if label >= 0 else one_offs).append(trace)
    return FailureClusters(clusters, one_offs)


def generate_eval_from_cluster(
    cluster_description: str, representative_traces: Sequence[T], llm_client: LLMClient
) -> dict[str, Any]:
    """Ask a model for an eval case that reproduces a failure mode; returns what `parse_eval_json` reads from its reply.

    The first three traces are shown. Production text stands between marks that it cannot contain, and the model is told that it
    is data. Raises `InputError` without a trace to show, or for a reply that holds no valid case; what the client raises passes.
    """
    if not representative_traces:
        raise InputError("there is no representative trace", cure="give at least one failing trace of the cluster")
    payloads = [trace.input_payload for trace in representative_traces[:3]]
    return parse_eval_json(llm_client.generate(generate.prompt(cluster_description, payloads)))


def parse_eval_json(response: str) -> dict[str, Any]:
    """The eval case in a model's reply, as a dictionary of exactly the article's seven fields.

    Prose and code fences around the one JSON object are passed over; the object is read strictly. Raises `InputError` naming the
    field that is missing or wrong and what it must be; see `loopwright.evaluate.generate.parse`.
    """
    return generate.parse(response)


def schedule_eval_generation(new_failures: Iterable[R], *, queue: list[R] | None = None) -> list[R]:
    """The evals to write new cases for: each failing eval once, in the order given; returns those added.

    There is no hidden queue. The returned list is the queue, or name your own `queue`, which is extended by what is not on it.
    """
    target = [] if queue is None else queue
    known = {result.eval_id for result in target}
    added: list[R] = []
    for result in new_failures:
        if result.eval_id not in known:
            known.add(result.eval_id)
            added.append(result)
    target.extend(added)
    return added


def regression_gate(
    eval_results: Sequence[R],
    baseline_results: Sequence[R],
    block_on_regression: bool = True,
    *,
    queue: list[R] | None = None,
) -> GateDecision:
    """Compare results with a baseline: an eval that passed before and fails now is a regression, and blocks.

    With one result per eval on each side this is the article's rule, and `regressions` lists the failing results; `passed` None
    counts as a failure. Where an eval has several trials, one failure among them proves nothing, and the gate stage's tests
    decide. `block_on_regression=False` is the override: approved all the same, and `reasons` names what was overridden.

    An approval needs evidence: with no eval in both lists, or with evals missing that passed before, the decision is undecided
    (`approved` is False), overridden or not. Failing evals of an approved release go through `schedule_eval_generation` onto
    `queue`, and their ids are in `statistics["queued"]`.
    """
    single = _single(eval_results) and _single(baseline_results)
    decision = _by_rule(eval_results, baseline_results) if single else decide(_trials(baseline_results), _trials(eval_results))
    if decision.decision is Outcome.BLOCKED and not block_on_regression:
        decision = _overridden(decision)
    if not decision.approved:
        return decision
    queued = schedule_eval_generation([result for result in eval_results if not result.passed], queue=queue)
    statistics = {**decision.statistics, "queued": tuple(result.eval_id for result in queued)}
    return replace(decision, new_evals_queued=len(queued), statistics=statistics)


def _value(signal: Any) -> Any:
    return getattr(signal, "value", signal)


def _strength(trace: TraceLike, weights: Mapping[Any, float]) -> float:
    signal = _value(trace.signal_type)
    if signal is None:
        return 0.0
    if signal not in weights:
        raise UsageError(f"trace {trace.trace_id!r} has signal {signal!r}, which has no weight; add it to signal_weights")
    strength = trace.severity * weights[signal]
    if not math.isfinite(strength):
        problem = f"trace {trace.trace_id!r} has severity {trace.severity!r} and weight {weights[signal]!r}"
        raise InputError(problem, cure="give finite numbers")
    return strength


def _failure(trace: TraceLike, id: str) -> FailureTrace:
    """The trace as ours, under an id of its own, with what clustering reads."""
    signals = {signal.value: signal for signal in FailureSignal}
    signal = _value(trace.signal_type)
    if signal not in signals:
        raise UsageError(f"trace {trace.trace_id!r} has an {unknown('signal', str(signal), signals)}")
    return FailureTrace(
        trace_id=id,
        timestamp=None,
        signal_type=signals[signal],
        input_payload=trace.input_payload,
        reasoning_steps=list(getattr(trace, "reasoning_steps", ())),
        final_output="",
        failure_reason=trace.failure_reason,
        context_snapshot=trace.context_snapshot,
        severity=trace.severity,
        score=1.0,
    )


def _vectors(texts: Sequence[str], embedding_fn: Callable[[str], Any]) -> Any:
    try:
        vectors = np.array([embedding_fn(text) for text in texts])
    except ValueError:
        raise InputError("embedding_fn gives vectors of different lengths", cure="give one length for every text") from None
    if vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.number) or not np.isfinite(vectors).all():
        problem = f"embedding_fn gives {vectors.dtype} of shape {vectors.shape[1:]}"
        raise InputError(problem, cure="give one flat vector of finite numbers a text")
    return vectors


def _average(failures: Sequence[FailureTrace], embedding_fn: Callable[[str], Any], options: Options) -> list[int]:
    """Run the clustering stage; labels count modes from the largest, -1 is a one-off."""
    step = clustering.cluster_failures(failures, options)
    asked = next(step)
    vectors = _vectors(asked.texts, embedding_fn)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    try:
        step.send(np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32))
    except StopIteration as stop:
        found: Clustering = stop.value
        number = {mode.mode_id: index for index, mode in enumerate(found.modes)}
        return [-1 if place.mode_id is None else number[place.mode_id] for place in found.memberships]
    raise RuntimeError("clustering asks for one embedding")


def _single(results: Sequence[ResultLike]) -> bool:
    """Whether every eval has one result: then that result stands for it."""
    return max(Counter(result.eval_id for result in results).values(), default=0) <= 1


def _by_rule(results: Sequence[R], baseline: Sequence[R]) -> GateDecision:
    """The article's rule, and undecided where the article would approve without evidence."""
    lost = set(naive_regressions(baseline, results))  # type: ignore[arg-type]
    regressions: list[Any] = [result for result in results if result.eval_id in lost and not result.passed]
    seen = {result.eval_id for result in results}
    missing = tuple(dict.fromkeys(result.eval_id for result in baseline if result.passed and result.eval_id not in seen))
    if regressions:
        message = f"Blocked: {len(regressions)} regression(s) detected. Fix before deploying."
        return GateDecision(approved=False, regressions=regressions, message=message, missing=missing)
    if missing:
        return _without_results(missing)
    if not seen & {result.eval_id for result in baseline}:
        message = "Undecided: no eval has a result in both lists. Run the suite, and compare with a baseline of it."
        return GateDecision(approved=False, decision=Outcome.UNDECIDED, message=message)
    return GateDecision(approved=True)


def _without_results(missing: tuple[str, ...]) -> GateDecision:
    message = f"Undecided: {len(missing)} eval(s) that passed before have no result: {', '.join(missing)}. Run them."
    return GateDecision(approved=False, decision=Outcome.UNDECIDED, message=message, missing=missing)


def _overridden(decision: GateDecision) -> GateDecision:
    """A blocked decision that a person overrides: regressions can be accepted, missing results cannot."""
    if decision.missing:
        return _without_results(decision.missing)
    found = (r.eval_id or getattr(r, "mode_id", None) or "the suite" for r in decision.regressions)
    reasons = (f"overridden: {', '.join(dict.fromkeys(found))}",)
    return GateDecision(
        approved=True, reasons=reasons, statistics=decision.statistics, flaky=decision.flaky, fixed=decision.fixed
    )


def _trials(results: Sequence[ResultLike]) -> list[EvalResult]:
    """The results as ours, for the gate's tests; those of another kind are numbered as trials in the order given."""
    seen: Counter[str] = Counter()
    made = []
    for result in results:
        if isinstance(result, EvalResult):
            made.append(result)
        else:
            held = {f.name: getattr(result, f.name) for f in fields(EvalResult) if hasattr(result, f.name)}
            passed = None if result.passed is None else bool(result.passed)
            made.append(EvalResult(**{"trial": seen[result.eval_id], **held, "passed": passed}))
            seen[result.eval_id] += 1
    return made
