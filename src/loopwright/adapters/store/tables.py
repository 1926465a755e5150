"""The tables of traces and of the spans that they are made of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table

from loopwright.adapters.store.columns import Moment, Name, metadata

traces = Table(
    "traces",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("trace_id", Name, nullable=False),
    Column("session_id", Name),
    Column("agent", Name),
    Column("version", Name),
    Column("started_at", Moment),
    Column("fingerprint", Name, nullable=False),
    Column("name", Name),
    Column("user_id", Name),
    Column("ended_at", Moment),
    Column("listed_at", BigInteger, nullable=False),
    Column("error", Boolean, nullable=False),
    Column("spans", BigInteger, nullable=False),
    Column("parts", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("root_ended", Boolean, nullable=False),
    Column("missing", Name),
    Column("arrived_at", Moment),
    Column("changed", BigInteger),
)
forms = Table(
    "trace_forms",
    metadata,
    Column("trace", Integer, primary_key=True),
    Column("parts", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
parts = Table(
    "trace_parts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("trace", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("marks", LargeBinary, nullable=False),
)
blocks = Table(
    "blocks",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("dictionary", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
dictionaries = Table(
    "dictionaries",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
totals = Table(
    "span_totals",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("spans", BigInteger, nullable=False),
)
places = Table(
    "trace_places",
    metadata,
    Column("place", BigInteger, primary_key=True),
    Column("trace", BigInteger, primary_key=True),
)
cursors = Table(
    "cursors",
    metadata,
    Column("source", Name, primary_key=True),
    Column("position", Name, nullable=False),
)
feedback = Table(
    "feedback",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("feedback_id", Name, nullable=False),
    Column("trace_id", Name),
    Column("session_id", Name),
    Column("joined_to", Name),
    Column("payload", LargeBinary, nullable=False),
    Column("span_id", Name),
    Column("response_id", Name),
)
