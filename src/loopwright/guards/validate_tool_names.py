"""The guard against tools that do not exist: a call by an unknown name is stopped, and told the names that are near."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loopwright.guards.guard import ALLOW, STOPPED, GuardDecision, GuardEvent, GuardMode
from loopwright.guards.outcome import as_text
from loopwright.guards.tool_names import nearest


@dataclass(frozen=True, slots=True)
class ValidateToolNames:
    """Stops a call whose name is not among the tools that the event names, or, where it names none, among `tools`.

    `aliases` maps wrong names to right ones: the decision then names the tool to call `instead`. Where neither the event nor
    `tools` says what exists, only the names in `aliases` are stopped.
    """

    mode: GuardMode = "shadow"
    tools: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`validate_tool_names`."""
        return "validate_tool_names"

    def initial(self) -> None:
        """No state: each call is judged by itself."""
        return

    def step(self, state: None, event: GuardEvent, now: float) -> tuple[None, GuardDecision]:
        """Take one event."""
        if event.kind != "tool_call":
            return None, ALLOW
        name = as_text(event.payload.get("name"))
        offered = event.payload.get("tools")
        known = tuple(t for t in offered if isinstance(t, str)) if isinstance(offered, list | tuple) else self.tools
        if name in known:
            return None, ALLOW
        alias = self.aliases.get(name)
        if alias is not None and (not known or alias in known):
            cure = f"call {alias} with the same arguments"
            return None, GuardDecision("block", f"{STOPPED}there is no tool {name!r}: {cure}", instead=alias)
        if not known:
            return None, ALLOW
        near = nearest(name, known)
        hint = f"did you mean {' or '.join(near)}?" if near else f"the tools are: {', '.join(sorted(known)[:30])}"
        return None, GuardDecision("block", f"{STOPPED}there is no tool {name!r}; {hint}")
