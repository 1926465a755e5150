"""What the gate is decided by, from settings. The gate is numeric, and is loaded when its policy is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopwright.settings import Settings, load

if TYPE_CHECKING:
    from loopwright.gate.policy import Policy
    from loopwright.gate.policy_change import Differences


def gate_policy(settings: Settings) -> Policy:
    """What the gate may spend and asks of the evidence."""
    from loopwright.gate.policy import Policy

    return Policy(
        alpha=settings["gate.alpha"],
        min_cases=settings["gate.min_cases"],
        max_missing=settings["gate.max_missing"],
        max_errors=settings["gate.max_errors"],
        cost_margin=settings["gate.cost_margin"],
        latency_margin=settings["gate.latency_margin"],
        tokens_margin=settings["gate.tokens_margin"],
        zero_tolerance=tuple(tag for part in settings["gate.zero_tolerance"].split(",") if (tag := part.strip())),
        sealed_gap=settings["gate.sealed_gap"],
        window=settings["gate.window"],
        window_days=settings["gate.window_days"],
    )


def lenient(settings: Settings) -> Differences:
    """Where flags and the environment let more through than `loopwright.toml`, or, where none is read, than the defaults."""
    from loopwright.gate.policy_change import more_lenient

    return more_lenient(gate_policy(load(environ={}, file=settings.file)), gate_policy(settings))
