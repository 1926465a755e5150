from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import assistant, case, failure, mode, signal, tool_call, tool_result, user
from loopwright.cluster.mode import Clustering, Membership
from loopwright.collect.intake import Intake, Rejected, SourceCount
from loopwright.collect.trace import Message
from loopwright.evaluate.case import Check
from loopwright.mine.signal import FailureSignal, Where
from loopwright.workflows.analysis import Analysis, DetectorCount, Period, TypeCount
from loopwright.workflows.rates import rate

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""The system's browser; None for the one that Playwright installed itself."""
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def conversation(text: str) -> tuple[Message, ...]:
    return (
        Message("system", "You are an airline agent."),
        user(text),
        assistant(None, tool_call("get_reservation", reservation_id="EHGLP3")),
        tool_result("Error: reservation not found", name="get_reservation"),
        assistant("I could not find your reservation."),
        user("That is not what I asked for."),
        assistant("I am sorry."),
    )


def make_analysis(text: str = "I want my money back", count: int = 9, kinds: int = 2, **fields: Any) -> Analysis:
    """`count` failing traces in `kinds` modes and one one-off; `text` stands wherever production text may stand."""
    found, members, positions, talks = [], [], {}, {}
    for i in range(count):
        id = f"t{i}" if text == "I want my money back" else f"t{i} {text}"
        signals = (
            signal(reason=f"get_reservation answered: {text}", where=Where(message_index=3), severity=0.9 / (1 + i / 20)),
            signal(
                type=FailureSignal.USER_CORRECTION,
                detector="user_objects",
                reason=text,
                where=Where(message_index=5),
                severity=0.5,
            ),
        )
        found.append(
            failure(
                id, text, reason=f"tool error: {text}", score=0.9 / (1 + i / 20), severity=0.9 / (1 + i / 20), signals=signals
            )
        )
        place = f"mode-{i % kinds}" if kinds and i < count - 1 else None
        members.append(Membership(id, place, 0.8 if place else 0.0))
        positions[id] = (i % max(kinds, 1) + i / 20, (i * i % 7) / 7)
        talks[id] = conversation(text)
    by_mode = {f"mode-{k}": tuple(m.trace_id for m in members if m.mode_id == f"mode-{k}") for k in range(kinds)}
    made = tuple(
        mode(
            id,
            name=f"reservation {text}",
            size=len(ids),
            severity=0.7,
            score=3.0 - k,
            terms=("reservation", text),
            representatives=ids[:3],
            description=text,
            why=text,
            possible_fix=text,
            signal_types=("hard_error",),
        )
        for k, (id, ids) in enumerate(by_mode.items())
    )
    drafts = tuple(
        case(f"draft-{id}", input=text, expected_behaviour=text, mode_id=id, checks=(Check("contains", {"value": text}),))
        for id in by_mode
    )
    total = 3 * count or 12
    base = Analysis(
        title="traces.jsonl",
        made_at=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        intake=Intake(
            sources=("traces.jsonl",),
            taken=total,
            formats=(("chat", total),),
            rejected_count=1,
            reasons=(("malformed JSON", 1),),
            rejected=(Rejected("traces.jsonl", 7, f"not JSON: {text}", "mend the line"),),
            files=(SourceCount("traces.jsonl", total, 1),),
        ),
        failing=rate(count, total),
        failures=tuple(found),
        types=(TypeCount("hard_error", rate(count, total), 1.0), TypeCount("abandonment", rate(0, total), 0.6)),
        detectors=(
            DetectorCount("hard_error", "tool_error", rate(count, total), 0.7),
            DetectorCount("abandonment", "ends_unresolved", rate(0, total), 0.0, problem=f"failed on 2 traces: {text}"),
        ),
        clustering=Clustering(made, tuple(members), "average linkage", "minilm", count, 0.62, 3.0, positions),
        drafts=drafts,
        conversations=talks,
        periods=tuple(Period(f"2026-01-{d:02}", rate(d % 3, 10)) for d in range(1, 15)),
        span=(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 14, tzinfo=UTC)),
    )
    return replace(base, **fields)


@pytest.fixture(scope="session")
def analysis() -> Callable[..., Analysis]:
    return make_analysis


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium; closed with the module, since playwright's event loop keeps others from running meanwhile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield launched
        launched.close()
