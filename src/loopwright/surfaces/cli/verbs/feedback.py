"""`loopwright feedback`: a person's verdict, from a terminal or a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.agent.feedback import feedback as send
from loopwright.agent.feedback import flush, sending
from loopwright.agent.instrument import environment_endpoint
from loopwright.collect.feedback import check_ratings
from loopwright.collect.joining import read_given
from loopwright.errors import ServiceError, UsageError
from loopwright.surfaces.cli.options import CONFIG, from_setting, settle
from loopwright.surfaces.cli.terminal import say
from loopwright.wiring import connecting

app = typer.Typer(add_completion=False)
WAIT_S = 30.0


@app.command(name="feedback")
def feedback(
    verdict: str = typer.Argument(
        "", help="up, down, escalated, a number, or text; not needed beside --rating or --correction.", show_default=False
    ),
    trace: str | None = typer.Option(None, "--trace", help="The trace that it is on.", show_default=False),
    span: str | None = typer.Option(None, "--span", help="The span that it is on.", show_default=False),
    response: str | None = typer.Option(
        None, "--response", help="The id that the model's provider gave its response.", show_default=False
    ),
    session: str | None = typer.Option(None, "--session", help="The session: its last trace by then.", show_default=False),
    rating: float | None = typer.Option(None, "--rating", help="A rating, of --max.", show_default=False),
    max_: float | None = typer.Option(None, "--max", help="The best rating there is; otherwise 5.", show_default=False),
    correction: str | None = typer.Option(None, "--correction", help="What the answer should have said.", show_default=False),
    comment: str = typer.Option("", "--comment", help="Why.", show_default=False),
    to: str | None = typer.Option(
        None, "--to", help="A running loopwright serve; otherwise the store. [LOOPWRIGHT_ENDPOINT]", show_default=False
    ),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """A verdict on a trace, a span, a model's response or a session.

    It may be given before its trace has come, and waits for it then. It goes to the server that --to or LOOPWRIGHT_ENDPOINT names
    (with the token in LOOPWRIGHT_TOKEN), otherwise into the store.

    For example:

        loopwright feedback down --trace 0af7651916cd43dd8448eb211c80319c
    """
    said: dict[str, Any] = {"value": verdict} if verdict else {}
    if rating is not None:
        said["rating"] = rating
        if max_ is not None:
            said["max"] = max_
    if correction is not None:
        said["correction"] = correction
    if comment:
        said["comment"] = comment
    named = {"trace_id": trace, "span_id": span, "response_id": response, "session_id": session}
    if not said or set(said) == {"comment"}:
        raise UsageError("the feedback says nothing; give up, down, escalated, --rating or --correction")
    if not any(named.values()):
        raise UsageError("the feedback is on nothing; name --trace, --span, --response or --session")
    check_ratings(said)
    place = to or (environment_endpoint() if store is None else None)
    if place is not None:
        _send(place, said, named)
    else:
        _keep(said, named, store, config)


def _send(place: str, said: dict[str, Any], named: dict[str, str | None]) -> None:
    before = sending()[1]
    taken = send(said, **{name: id for name, id in named.items() if id}, to=place)
    if not (taken and flush(WAIT_S)) or sending()[1] > before:
        raise ServiceError(f"{connecting.shown(place)} did not take the feedback; see above, or leave --to out to keep it here")
    say("taken by the server")


def _keep(said: dict[str, Any], named: dict[str, str | None], store: str | None, config: Path | None) -> None:
    settings = settle(config, store__url=store)
    record = {"feedback": said, "timestamp": wiring.clock().now().isoformat(), **named}
    given = connecting.redacted_feedback(read_given(record), settings)
    with wiring.store(settings) as kept:
        counts = kept.put_feedback([given])
        waits = given.feedback_id in counts.waiting
        say(f"kept in {kept.url}{'; its trace has not come yet' if waits else ''}")
