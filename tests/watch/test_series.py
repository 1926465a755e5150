from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.errors import InputError
from loopwright.watch.series import read_series


def read(text: str) -> list[tuple[tuple[str, ...], tuple[float, ...]]]:
    return [(one.times, one.values) for one in read_series(text.splitlines(keepends=True), "m.csv")]


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n2026-01-01,1\n2026-01-02,2\n",
        "2026-01-01,1\n2026-01-02,2\n",
        "\ufeffValue ; DATE\n1;2026-01-01\n2;2026-01-02\n",
        "t\tconversion\n2026-01-01\t1.0\n\n2026-01-02\t 2 \n",
        '"time","y","note"\n2026-01-01,1,"a, b"\n2026-01-02,2,c\n',
        "timestamp,value\n2026-01-02,2\n2026-01-01,1\n",
    ],
)
def test_what_tools_write_is_read(text: str) -> None:
    assert read(text) == [(("2026-01-01", "2026-01-02"), (1.0, 2.0))]


@pytest.mark.parametrize(
    "times",
    [
        ("1899-12-31 23:00", "1900-01-01T00:00:00Z"),
        ("1950", "1951"),
        ("1962-01", "1962-02"),
        ("1960Q1", "1960 Q2"),
        ("-5", "-4.5"),
    ],
)
def test_times_before_1970_and_odd_ones_are_put_in_order(times: tuple[str, str]) -> None:
    (series,) = read_series([f"{times[1]},2\n", f"{times[0]},1\n"], "m.csv")
    assert series.times == times
    assert series.rows == (1, 0)
    assert series.ordered


def test_times_that_cannot_be_read_keep_the_order_of_the_file() -> None:
    (series,) = read_series(["day,value\n", "Tuesday,1\n", "Monday,2\n"], "m.csv")
    assert series.times == ("Tuesday", "Monday")
    assert not series.ordered


def test_gaps_are_left_out_and_rows_keep_their_numbers() -> None:
    (series,) = read_series(
        ["timestamp,value\n", "2026-01-01,1\n", "2026-01-02,\n", "2026-01-03,NaN\n", "2026-01-04,4\n"], "m.csv"
    )
    assert series.rows == (0, 3)
    assert series.gaps == 2


def test_segments_are_series_of_their_own() -> None:
    lines = ["timestamp,value,segment\n", "2026-01-01,1,eu\n", "2026-01-01,5,us\n", "2026-01-02,2,eu\n"]
    found = read_series(lines, "m.csv")
    assert [(one.segment, one.rows, one.values) for one in found] == [("eu", (0, 2), (1.0, 2.0)), ("us", (1,), (5.0,))]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "m.csv: no data"),
        ("timestamp,value\n", "m.csv: no data"),
        ("timestamp,value\n2026-01-01,1\n2026-01-02,many\n", "m.csv:3: value 'many' is not a number"),
        ("timestamp,value\n2026-01-01,inf\n", "m.csv:2: value 'inf'"),
        ("timestamp,value\n2026-01-01,1\nsoon,2\n", "m.csv:3: timestamp 'soon' is not a time"),
        ("timestamp,value\n2026-01-01\n", "m.csv:2: a row of 1 column;"),
        ("timestamp,a,b\n2026-01-01,1,2\n", "which column holds the value"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert problem in str(caught.value)


@given(st.text(alphabet='0123456789-:,;\t"\n .eEaT', max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_series(text.splitlines(keepends=True), "m.csv")
    except InputError:
        return
    assert all(len(one.rows) == len(one.times) == len(one.values) for one in found)
