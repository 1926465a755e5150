"""The agent as a plain function, for `--target python:loopwright.examples.airline.agent:answer`.

It reads its settings from the environment:

| variable | meaning |
|---|---|
| `LOOPWRIGHT_AIRLINE_SEED` | seed of the world and of all chance (default 7) |
| `LOOPWRIGHT_AIRLINE_DEFECTS` | `none` (the default), `all`, or names of defects with commas between |
| `LOOPWRIGHT_AIRLINE_VERSION` | `1.0` (the default), `1.1` or `1.2` |
| `LOOPWRIGHT_AIRLINE_MODEL` | a real model in the planner's place, such as `openai:gpt-4.1-mini`; needs the extra `llm` |
| `LOOPWRIGHT_HARNESS` | the `harness.toml` with the guards to run under |
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

from loopwright.examples.airline.setup import Setup
from loopwright.examples.airline.target import respond
from loopwright.guards.harness_file import load_harness

_trials: Counter[str] = Counter()
_lock = threading.Lock()


def answer(value: Any) -> dict[str, Any]:
    """One answer of the agent that the environment sets up (see the module); each call with the same input is another trial."""
    setup = Setup.from_environment().with_harness(load_harness() if os.environ.get("LOOPWRIGHT_HARNESS") else None)
    key = repr(value)
    with _lock:
        trial = _trials[key]
        _trials[key] += 1
    reply = respond(setup, value, key, trial)
    return {name: reply[name] for name in ("output", "messages", "cost_usd", "tokens")} | (
        {"error": reply["error"]} if reply["error"] else {}
    )
