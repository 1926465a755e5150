"""Drafts: a case per failure mode that has none, for a person to review."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopwright.cluster.mode import ID_PREFIX, FailureMode, Membership, ModeStatus
from loopwright.collect.trace import Message
from loopwright.errors import UsageError
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.draft import draft
from loopwright.evaluate.surroundings import NOWHERE, Surroundings
from loopwright.evaluate.written import Written, write_case
from loopwright.mine.signal import FailureTrace
from loopwright.ports import Model, Store, SuiteFiles
from loopwright.registry import known_id
from loopwright.workflows.driver import drive

DRAFTS = "drafts"
"""The folder of drafts, within the suite's."""

AROUND = 1000
"""A failure is compared with this many of the newest conversations."""

_QUOTED = 8
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Drafted:
    """The drafts, the files that hold them, the drafts whose files a person had changed, and the modes that have a case.

    `written` says what came of asking a model, for each draft, where one was asked.
    """

    cases: tuple[EvalCase, ...]
    files: tuple[str, ...] = ()
    kept: tuple[EvalCase, ...] = ()
    covered: tuple[str, ...] = ()
    written: tuple[Written, ...] = ()


def draft_modes(
    modes: Sequence[FailureMode],
    failures: Sequence[FailureTrace],
    memberships: Sequence[Membership],
    conversations: Mapping[str, Sequence[Message]],
    surroundings: Surroundings = NOWHERE,
) -> tuple[EvalCase, ...]:
    """A draft per mode that has a failure, in the order of the modes.

    `conversations` holds messages by trace id, where known; `surroundings` are those that a failure is compared with.
    """
    members = _members(failures, memberships)
    found = ((mode, members[mode.mode_id]) for mode in modes if members.get(mode.mode_id))
    return tuple(draft(own, conversations, mode, surroundings) for mode, own in found)


def surroundings_of(store: Store, failures: Sequence[FailureTrace]) -> Surroundings:
    """The store's newest conversations, `AROUND` at most, to compare failures with."""
    return Surroundings(store.newest_traces(AROUND), failures)


async def draft_from_store(
    store: Store,
    files: SuiteFiles,
    folder: str,
    *,
    has_suite: bool,
    modes: Sequence[str] = (),
    write: bool = True,
    model: Model | None = None,
) -> Drafted:
    """Draft a case for every open mode of the store that no approved case covers, or for those named.

    `folder` is the suite's, `has_suite` whether it is there. With `write` the drafts go to its folder of drafts and to
    the store. A `model`, where given, writes the cases; where it fails, the drafted template stands. Raises `UsageError` for an
    unknown mode, and where nothing was clustered.
    """
    chosen = _chosen(store.modes(), modes)
    approved = {case.mode_id for case in files.load([folder]).cases} if has_suite else set()
    covered = tuple(mode.mode_id for mode in chosen if mode.mode_id in approved)
    wanted = [mode for mode in chosen if mode.mode_id not in approved]
    failures, memberships = store.failures(), store.memberships()
    talks = _conversations(store, wanted, _members(failures, memberships))
    cases = draft_modes(wanted, failures, memberships, talks, surroundings_of(store, failures))
    by_model = await _in_words_of(model, cases, wanted, _members(failures, memberships)) if model is not None else ()
    cases = tuple(w.case for w in by_model) or cases
    if not write:
        return Drafted(cases, covered=covered, written=by_model)
    written, kept = [], []
    for case in cases:
        paths = files.write_drafts([case], f"{folder}/{DRAFTS}")
        written += paths
        if not paths:
            kept.append(case)
    store.put_cases([case for case in cases if case not in kept])
    return Drafted(cases, tuple(written), tuple(kept), covered, by_model)


async def _in_words_of(
    model: Model, cases: Sequence[EvalCase], modes: Sequence[FailureMode], members: Mapping[str, Sequence[FailureTrace]]
) -> tuple[Written, ...]:
    """Each template as the model writes it, several asked for at once."""
    by_id = {mode.mode_id: mode for mode in modes}
    found: list[Written] = []
    for start in range(0, len(cases), _AT_ONCE):
        steps = (
            write_case(case, by_id[case.mode_id], members[case.mode_id])
            for case in cases[start : start + _AT_ONCE]
            if case.mode_id
        )
        found += await asyncio.gather(*(drive(step, model=model) for step in steps))
    return tuple(found)


def _chosen(known: Sequence[FailureMode], ids: Sequence[str]) -> list[FailureMode]:
    if not known:
        raise UsageError("there are no failure modes in the store; run: loopwright cluster")
    by_id = {mode.mode_id: mode for mode in known}
    wanted = dict.fromkeys(known_id("failure mode", id, by_id, ID_PREFIX) for id in ids)
    live = (ModeStatus.OPEN, ModeStatus.ACCEPTED)
    return [by_id[id] for id in wanted] or [mode for mode in known if mode.status in live]


def _members(failures: Sequence[FailureTrace], memberships: Sequence[Membership]) -> dict[str, list[FailureTrace]]:
    """The failures of each mode, as they are ranked."""
    mode_of = {place.trace_id: place.mode_id for place in memberships}
    members: dict[str, list[FailureTrace]] = defaultdict(list)
    for failure in failures:
        mode_id = mode_of.get(failure.trace_id)
        if mode_id is not None:
            members[mode_id].append(failure)
    return members


def _conversations(
    store: Store, modes: Sequence[FailureMode], members: Mapping[str, Sequence[FailureTrace]]
) -> dict[str, tuple[Message, ...]]:
    """The messages of the traces that a draft may come from, as far as the store still has them."""
    ids = [id for mode in modes for id in (*mode.representatives, *(f.trace_id for f in members.get(mode.mode_id, ())[:_QUOTED]))]
    found = ((id, store.trace(id)) for id in dict.fromkeys(ids))
    return {id: trace.messages for id, trace in found if trace is not None}
