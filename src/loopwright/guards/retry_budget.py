"""The guard against retry storms: a budget of failures for each session, and a circuit breaker for each tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from loopwright.guards.guard import ALLOW, STOPPED, GuardDecision, GuardEvent, GuardMode
from loopwright.guards.outcome import as_text, denied, failure


@dataclass(frozen=True, slots=True)
class Circuit:
    """One tool: its failures in a row, when its circuit opened (None: closed), and whether a probe is on its way."""

    failures: int = 0
    opened_at: float | None = None
    probing: bool = False
    last: str = ""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a session has spent: failures in all, and each tool's circuit."""

    total: int = 0
    circuits: Mapping[str, Circuit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """Stops a tool's calls once `per_tool` failed in a row, and those of all failing tools once `per_session` failed in all.

    A circuit that opened stays open for `cooldown_seconds`; then one call may probe it, and
    another each `cooldown_seconds`: success closes it, failure opens it again.
    A user's message starts a tool's row of failures anew, as it may bring what was missing, but closes no circuit. Tools in
    `exempt` are not counted, nor are denials: `ScopePermissions` stops these.
    """

    mode: GuardMode = "shadow"
    per_tool: int = 3
    per_session: int = 10
    cooldown_seconds: float = 30.0
    exempt: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("per_tool", "per_session"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if not self.cooldown_seconds >= 0:
            raise ValueError(f"cooldown_seconds is {self.cooldown_seconds}; give 0 or more")

    @property
    def name(self) -> str:
        """`retry_budget`."""
        return "retry_budget"

    def initial(self) -> Spent:
        """Nothing spent."""
        return Spent()

    def step(self, state: Spent, event: GuardEvent, now: float) -> tuple[Spent, GuardDecision]:
        """Take one event."""
        payload = event.payload
        if event.kind == "message" and payload.get("role") == "user":
            return self._renewed(state), ALLOW
        tool = as_text(payload.get("name"))
        if event.kind not in ("tool_call", "tool_result") or tool in self.exempt:
            return state, ALLOW
        circuit = state.circuits.get(tool, Circuit())
        if event.kind == "tool_call":
            return self._called(state, tool, circuit, now)
        error = failure(payload)
        if error is None:
            return _with(state, tool, Circuit()), ALLOW
        if denied(error):
            return state, ALLOW
        failures = circuit.failures + 1
        opens = failures >= self.per_tool or circuit.probing
        changed = Circuit(failures, now if opens else circuit.opened_at, last=error)
        return replace(_with(state, tool, changed), total=state.total + 1), ALLOW

    def _called(self, state: Spent, tool: str, circuit: Circuit, now: float) -> tuple[Spent, GuardDecision]:
        if state.total >= self.per_session and circuit.last:
            spent = f"{STOPPED}the budget of {self.per_session} failed calls in this conversation is spent"
            return state, GuardDecision("block", f"{spent}. Do not try again: tell the user what did not work ({circuit.last}).")
        if circuit.opened_at is None:
            return state, ALLOW
        left = self.cooldown_seconds - (now - circuit.opened_at)
        if left > 0:
            why = f"{STOPPED}{tool} failed {circuit.failures} times in a row; the last error was: {circuit.last}"
            cure = f"It is not called for {left:.0f} more seconds: do something else, or tell the user."
            return state, GuardDecision("block", f"{why}. {cure}")
        return _with(state, tool, replace(circuit, probing=True, opened_at=now)), ALLOW

    def _renewed(self, state: Spent) -> Spent:
        kept = {tool: c if c.opened_at is not None else replace(c, failures=0) for tool, c in state.circuits.items()}
        return replace(state, circuits=kept)


def _with(state: Spent, tool: str, circuit: Circuit) -> Spent:
    return replace(state, circuits={**state.circuits, tool: circuit})
