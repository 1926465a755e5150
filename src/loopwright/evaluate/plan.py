"""Which cases a run takes, and which trials it is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from loopwright.audit.digest import digest
from loopwright.errors import UsageError
from loopwright.evaluate.case import EvalCase, Layer, Suite
from loopwright.evaluate.trial import Trial
from loopwright.registry import unknown


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cases to take: those of the layers, with any of the tags, of the ids; an empty choice takes all."""

    layers: tuple[Layer, ...] = ()
    tags: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def filters(self) -> tuple[str, ...]:
        """The options by which a part was chosen."""
        chosen = (("--layer", self.layers), ("--tag", self.tags), ("--case", self.ids))
        return tuple(name for name, values in chosen if values)


def select(suite: Suite, selection: Selection) -> Suite:
    """The part of the suite that is chosen; raises `UsageError` for an id or a tag that no case has."""
    _known("case", selection.ids, {case.id for case in suite.cases})
    _known("tag", selection.tags, {tag for case in suite.cases for tag in case.tags})
    return Suite(tuple(case for case in suite.cases if _chosen(case, selection)))


def trials(suite: Suite, default_trials: int, default_timeout_s: float) -> Iterator[Trial]:
    """Every trial of the suite: first trials of all cases first, so that a run cut short has looked at everything once."""
    counts = [case.trials or default_trials for case in suite.cases]
    for number in range(max(counts, default=0)):
        for case, count in zip(suite.cases, counts, strict=True):
            if number < count:
                yield Trial(case, number, case.timeout_s or default_timeout_s)


def repeats(suite: Suite, wanted: Mapping[str, int], first: Mapping[str, int], default_timeout_s: float) -> Iterator[Trial]:
    """So many more trials of each case as are `wanted` of it, numbered from its `first`, in the order of the suite."""
    for case in suite.cases:
        for number in range(wanted[case.id]):
            yield Trial(case, first.get(case.id, 0) + number, case.timeout_s or default_timeout_s)


def identity(version: str, suite_digest: str, target: str, planned: Iterable[tuple[str, int]]) -> str:
    """Identifies what is run: the same agent version, suite, target and trials, by case id and number, continue the same run."""
    return digest("run", version, suite_digest, target, sorted(f"{case_id} {number}" for case_id, number in planned))


def _chosen(case: EvalCase, selection: Selection) -> bool:
    return (
        (not selection.layers or case.layer in selection.layers)
        and (not selection.tags or not set(selection.tags).isdisjoint(case.tags))
        and (not selection.ids or case.id in selection.ids)
    )


def _known(kind: str, names: tuple[str, ...], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise UsageError(unknown(kind, name, known) if known else f"unknown {kind} {name!r}; the suite has none")
