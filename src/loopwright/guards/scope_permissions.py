"""The guard against calls that are not permitted: stopped before they run, with what has to come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from loopwright.guards.guard import ALLOW, STOPPED, GuardDecision, GuardEvent, GuardMode
from loopwright.guards.outcome import as_text, call_key, denied, failure


@dataclass(frozen=True, slots=True)
class Rights:
    """What a session may do: the tools that succeeded, and what was denied since, as (tool, call) pairs with the last reason."""

    succeeded: frozenset[str] = frozenset()
    denials: Mapping[str, tuple[frozenset[str], str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScopePermissions:
    """Stops a call of a sensitive tool before it runs.

    `requires` maps a tool to those of which each must have succeeded before in the session; `denied` lists tools that are never
    permitted. A call that was denied is not made again with the same arguments, and no call of its tool after `denials` denials,
    until a tool that it requires succeeds, or, where none is known, one that had not succeeded before.
    """

    mode: GuardMode = "shadow"
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    denied: tuple[str, ...] = ()
    denials: int = 2

    def __post_init__(self) -> None:
        if self.denials < 1:
            raise ValueError(f"denials is {self.denials}; give 1 or more")

    @property
    def name(self) -> str:
        """`scope_permissions`."""
        return "scope_permissions"

    def initial(self) -> Rights:
        """Nothing succeeded, nothing denied."""
        return Rights()

    def step(self, state: Rights, event: GuardEvent, now: float) -> tuple[Rights, GuardDecision]:
        """Take one event."""
        if event.kind not in ("tool_call", "tool_result"):
            return state, ALLOW
        payload = event.payload
        tool = as_text(payload.get("name"))
        key = call_key(tool, payload.get("arguments"))
        if event.kind == "tool_call":
            return state, self._decide(state, tool, key)
        error = failure(payload)
        if error is None:
            return self._granted(state, tool), ALLOW
        if not denied(error):
            return state, ALLOW
        calls, _ = state.denials.get(tool, (frozenset(), ""))
        return replace(state, denials={**state.denials, tool: (calls | {key}, error)}), ALLOW

    def _decide(self, state: Rights, tool: str, key: str) -> GuardDecision:
        if tool in self.denied:
            cure = "offer the user another way, or a person"
            return GuardDecision("block", f"{STOPPED}{tool} is not permitted for this agent: {cure}")
        missing = [needed for needed in self.requires.get(tool, ()) if needed not in state.succeeded]
        if missing:
            order = " and ".join(missing)
            return GuardDecision("block", f"{STOPPED}{tool} is permitted only after {order} succeeded: call that first")
        calls, error = state.denials.get(tool, (frozenset(), ""))
        if key in calls or len(calls) >= self.denials:
            first = self.requires.get(tool, ())
            cure = f"call {' and '.join(first)} first" if first else "do what the error asks for, or tell the user"
            return GuardDecision("block", f"{STOPPED}{tool} was denied ({error}): do not call it again; {cure}")
        return ALLOW

    def _granted(self, state: Rights, tool: str) -> Rights:
        fresh = tool not in state.succeeded
        kept = {
            other: denial
            for other, denial in state.denials.items()
            if other != tool and not (tool in self.requires[other] if other in self.requires else fresh)
        }
        return Rights(state.succeeded | {tool}, kept)
