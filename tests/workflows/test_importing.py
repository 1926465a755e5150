from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from builders import trace, user
from loopwright import wiring
from loopwright.collect.intake import Rejected, SourceCount
from loopwright.errors import InputError
from loopwright.ports import Imported
from loopwright.settings import load
from loopwright.wiring import collecting
from loopwright.workflows.importing import (
    BATCH,
    KEPT_IN_FULL,
    Outcome,
    collect_traces,
    import_spans,
    import_traces,
    strictly,
)


class Shelf:
    """A reader over what it is given, in two files."""

    def __init__(self, *found: Imported | Rejected) -> None:
        self.found = found

    def sources(self, paths: Sequence[str]) -> list[tuple[str, int | None]]:
        return [("a", 3_000_000), ("b", 0)]

    def read(self, paths: Sequence[str], format: str | None = None) -> Iterator[Imported | Rejected]:
        return iter(self.found)

    def read_parts(self, paths: Sequence[str], format: str | None = None, after: object = None) -> Iterator[Imported | Rejected]:
        return iter(self.found)

    def mark(self, source: str) -> None:
        return None


class Bar:
    """A progress bar that notes what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def start(self, label: str, total: int | None = None) -> None:
        self.told.append((label, total))

    def advance(self, by: int = 1) -> None:
        self.told.append(by)

    def done(self) -> None:
        self.told.append("done")


def taken(id: str, text: str = "hi", offset: int = 0) -> Imported:
    return Imported(trace(user(text), id=id), "a", 1, "chat", offset)


BAD = Rejected("a", 2, "id is empty", "give one", "bad id")


def test_traces_and_refusals_are_counted_by_format_reason_and_file():
    traces, intake = asyncio.run(collect_traces(Shelf(taken("1"), BAD, taken("2"), BAD), ["x"]))
    assert [t.trace_id for t in traces] == ["1", "2"]
    assert (intake.sources, intake.taken, intake.rejected_count) == (("x",), 2, 2)
    assert (intake.formats, intake.reasons) == ((("chat", 2),), (("bad id", 2),))
    assert intake.files == (SourceCount("a", 2, 2), SourceCount("b", 0, 0))


def test_only_the_first_refusals_are_kept_in_full():
    told: list[Rejected] = []
    shelf = Shelf(*[BAD] * (KEPT_IN_FULL + 5))
    intake = asyncio.run(import_traces(shelf, ["x"], outcome=Outcome(rejected=told.append)))
    assert (len(intake.rejected), intake.rejected_count, len(told)) == (KEPT_IN_FULL, KEPT_IN_FULL + 5, KEPT_IN_FULL + 5)


def test_strict_raises_the_first_refusal():
    with pytest.raises(InputError, match="a:2: id is empty; give one"):
        asyncio.run(collect_traces(Shelf(taken("1"), BAD), ["x"], strict=True))
    stream = strictly([1, BAD, 2])
    assert next(stream) == 1
    with pytest.raises(InputError, match="a:2"):
        next(stream)


@pytest.fixture
def store(tmp_path):
    with wiring.store(load({"store.url": f"sqlite:///{tmp_path / 'l.db'}"}, environ={})) as opened:
        yield opened


def into(store, *found: Imported | Rejected):
    return asyncio.run(import_spans(Shelf(*found), ["x"], store=store, settling=collecting.settling()))


def test_the_store_is_written_in_batches_and_twice_is_once(store, monkeypatch):
    sizes: list[int] = []
    put = type(store).put_traces
    monkeypatch.setattr(type(store), "put_traces", lambda self, traces: sizes.append(len(traces)) or put(self, traces))
    found = [taken(str(n)) for n in range(BATCH + 1)]
    first, again = into(store, *found), into(store, *found)
    assert sizes == [BATCH, 1] * 2
    assert (first.taken, first.unchanged, again.taken, again.unchanged) == (BATCH + 1, 0, BATCH + 1, BATCH + 1)


def test_an_id_with_other_content_in_the_store_is_refused(store):
    into(store, taken("1"))
    intake = into(store, taken("1", "other"), taken("2"))
    assert (intake.taken, intake.conflicts, intake.rejected_count) == (1, ("1",), 1)
    assert "the store holds other content under the id '1'" in str(intake.rejected[0])
    assert store.trace("1").messages[0].text == "hi"


def test_progress_counts_megabytes():
    bar = Bar()
    asyncio.run(import_traces(Shelf(taken("1", offset=2_500_000), taken("2", offset=3_000_000)), ["x"], progress=bar))
    assert bar.told == [("reading traces, MB", 3), 2, 1, "done"]
