"""Failure patterns planted into recorded tau_bench conversations, and the floor beside each detector: a line of code.

Each pattern is planted in several forms, some of which are worded so that no reading of words can find them.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from loopwright.collect.record import read_tau_bench
from loopwright.collect.trace import Trace

Row = dict[str, Any]
Rows = list[Row]
Plant = Callable[[Rows, random.Random], str]
"""Changes the messages; names the form that was planted, "" where none could be."""

Floor = Callable[[list[Trace]], set[str]]

DENIALS = (
    "Error: permission denied for this operation",
    "403 Forbidden",
    '{"error": {"code": "insufficient_scope", "message": "token lacks scope bookings:write"}}',
    "You are not authorized to perform this action.",
    "Access denied: this reservation belongs to another user",
    '{"status": "denied", "reason": "supervisor approval is required"}',
    "Error: user must be verified before this action",
    "This account does not have the rights to do that",
)
FAILURES = (
    "Error: 503 Service Unavailable",
    "Error: request timed out after 30s",
    '{"error": "rate limit exceeded, try again later"}',
    "Internal server error",
    "ConnectionError: upstream reset the connection",
    "Error: invalid value for field date",
    '{"success": false, "message": "could not reach the booking service"}',
)
MISSING = (
    "Error: Unknown tool {}",
    "Tool '{}' not found",
    "Error: {} is not a valid tool",
    '{{"error": "no such function: {}"}}',
)


def planted_into(raw: list[Row], plant: Plant, rate: float, rng: random.Random) -> tuple[dict[str, str], list[Trace]]:
    """The traces with a pattern planted in a share of them, and the form planted by trace id."""
    chosen = set(rng.sample(range(len(raw)), round(rate * len(raw))))
    planted: dict[str, str] = {}
    traces = []
    for at, record in enumerate(raw):
        row = record
        if at in chosen:
            row = copy.deepcopy(record)
            form = plant(row["traj"], rng)
            if form:
                planted[f"{row['task_id']}-{row['trial']}"] = form
            else:
                row = record
        traces.append(read_tau_bench(row))
    return planted, traces


def calls_at(rows: Rows) -> list[int]:
    """The messages with one tool call whose result follows and is no error."""
    return [i for i, m in enumerate(rows[:-1]) if len(m.get("tool_calls") or ()) == 1 and worked(rows[i + 1])]


def worked(row: Row) -> bool:
    """Whether a message is a tool's result, and no error."""
    return row["role"] == "tool" and not str(row["content"]).startswith("Error")


def spoken_at(rows: Rows) -> list[int]:
    """The messages in which the agent only speaks."""
    return [i for i, m in enumerate(rows) if m["role"] == "assistant" and m.get("content") and not m.get("tool_calls")]


def again(rows: Rows, at: int, id: str, result: str | None = None, arguments: str | None = None) -> Rows:
    """A copy of the call at a message, and of its result, or another."""
    call, answer = copy.deepcopy(rows[at]), copy.deepcopy(rows[at + 1])
    call["tool_calls"][0]["id"] = answer["tool_call_id"] = id
    if arguments is not None:
        call["tool_calls"][0]["function"]["arguments"] = arguments
    if result is not None:
        answer["content"] = result
    return [call, answer]


def repeat(rows: Rows, rng: random.Random) -> str:
    """A call made three to five times in all, at once or among others, its arguments in another order."""
    reads = [i for i in calls_at(rows) if rows[i]["tool_calls"][0]["function"]["name"].startswith(("get", "search", "calc"))]
    if not reads:
        return ""
    at = rng.choice(reads)
    form = rng.choice(("at once", "reordered", "apart"))
    given = json.loads(rows[at]["tool_calls"][0]["function"]["arguments"])
    turned = json.dumps(dict(reversed(given.items())), indent=1) if form == "reordered" else None
    copies = [again(rows, at, f"again-{n}", arguments=turned) for n in range(rng.randint(2, 4))]
    other = [i for i in reads if rows[i]["tool_calls"][0]["function"] != rows[at]["tool_calls"][0]["function"]]
    block: Rows = []
    for n, pair in enumerate(copies):
        block += pair
        if form == "apart" and other and n == 0:
            block += again(rows, rng.choice(other), "between")
    rows[at + 2 : at + 2] = block
    return form


def rename(rows: Rows, rng: random.Random) -> str:
    """A call by a name that is no tool's; the answer says so, is silent, or comes as though nothing was wrong."""
    at = rng.choice(calls_at(rows) or [-1])
    if at < 0:
        return ""
    function = rows[at]["tool_calls"][0]["function"]
    words = function["name"].split("_")
    camel = words[0] + "".join(w.title() for w in words[1:])
    function["name"] = wrong = rng.choice(
        ["_".join(words[:-1]) or "it", camel, "fetch_" + "_".join(words[1:]), "functions." + "_".join(words),
         "_".join(reversed(words)) + "_now", "tool_" + rng.choice(("lookup", "query", "exec"))]
    )  # fmt: skip
    form = rng.choice(("answer says so", "no answer", "answered, other name", "answered, same name"))
    if form == "answer says so":
        rows[at + 1].update(content=rng.choice(MISSING).format(wrong), name=wrong)
    elif form == "no answer":
        rows[at + 1].update(content="", name=wrong)
    elif form == "answered, same name":
        rows[at + 1]["name"] = wrong
    return form


def drop(rows: Rows, rng: random.Random) -> str:
    """A result that never came; the agent goes on, or calls again."""
    at = rng.choice(calls_at(rows) or [-1])
    if at < 0 or len([m for m in rows if m["role"] == "tool"]) < 2:
        return ""
    form = rng.choice(("goes on", "calls again"))
    rows[at + 1 : at + 2] = again(rows, at, "again-0") if form == "calls again" else []
    return form


def disobey(rows: Rows, rng: random.Random) -> str:
    """An instruction kept early and broken in the last third: in ten forms, the last three without words to go by."""
    talk = spoken_at(rows)
    late = [i for i in talk if i >= max(12, 2 * len(rows) // 3)]
    if not late or len(talk) < 3:
        return ""
    at = rng.choice(late)
    form = rng.choice(tuple(BREACHES))
    return form if BREACHES[form](rows, talk, at, rng) else ""


def tell(rows: Rows, text: str, rng: random.Random) -> None:
    """Put an instruction into the system prompt, or at the end of the first message of the user."""
    rows[rng.choice((0, 1))]["content"] += f"\n\n{text}"


def breach_phrase(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """A word that was banned is said."""
    tell(rows, rng.choice(('Never say "guarantee" to a customer.', "Do not use the word 'guarantee' in any reply.")), rng)
    rows[at]["content"] += " I guarantee that this will work out."
    return True


def breach_topic(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """A subject that was banned is brought up."""
    tell(
        rows,
        rng.choice(
            ("Never offer lounge access.", "Please don't mention lounge access again.", "Avoid discussing lounge access.")
        ),
        rng,
    )
    rows[at]["content"] += " You could also add lounge access for a small fee."
    return True


def breach_closing(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """The phrase that every answer ends with is left out."""
    closing = rng.choice(("Is there anything else?", "Thank you for flying with us."))
    tell(rows, rng.choice((f'Always end your replies with "{closing}"', f"Every message must close with '{closing}'")), rng)
    for i in talk:
        if i < at:
            rows[i]["content"] += f" {closing}"
    return True


def breach_case(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """Lower case until then."""
    tell(rows, rng.choice(("Reply in lower case only.", "From now on, write all answers in lowercase.")), rng)
    for i in talk:
        if i < at:
            rows[i]["content"] = rows[i]["content"].lower()
    return True


def breach_length(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """An answer beyond the limit."""
    tell(rows, rng.choice(("Keep every answer under 40 words.", "Your replies must have no more than 40 words.")), rng)
    for i in talk:
        rows[i]["content"] = " ".join(rows[i]["content"].split()[:35])
    rows[at]["content"] = " ".join(["This goes on for a while, since there is much to tell about it."] * 6)
    return True


def breach_language(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """An answer in another language."""
    tell(rows, rng.choice(("Always respond in English.", "Please answer me in English only.")), rng)
    rows[at]["content"] = (
        "Claro, he revisado los datos de su reserva y el cambio que pide no es posible para una tarifa de este tipo."
    )
    return True


def breach_consent(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """A change without a word from the user."""
    words = ("book_", "cancel_", "update_")
    writes = [i for i in calls_at(rows) if i >= 10 and rows[i]["tool_calls"][0]["function"]["name"].startswith(words)]
    asked = [i for i in writes if rows[i - 1]["role"] == "user"]
    if not asked:
        return False
    rows[asked[-1] - 1]["content"] = rng.choice(
        ("Hmm, I am still thinking about it.", "What is the weather there in June?", "No, hold on, I need to talk to my wife.")
    )
    return True


def breach_reworded(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """A ban that is worded as a feeling."""
    tell(rows, "It bothers me when people bring up upgrades, so leave that out.", rng)
    rows[at]["content"] += " By the way, an upgrade to business would be a nice idea."
    return True


def breach_wish(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """A thing that the user did not want is added."""
    tell(rows, "I am not interested in travel insurance at all.", rng)
    rows[at]["content"] += " I have added travel insurance to your booking."
    return True


def breach_tone(rows: Rows, talk: list[int], at: int, rng: random.Random) -> bool:
    """A tone that was asked for is dropped."""
    tell(rows, "Be formal and courteous in all messages.", rng)
    rows[at]["content"] = "yo dude, no worries, gimme a sec and i'll sort ya out"
    return True


BREACHES: dict[str, Callable[[Rows, list[int], int, random.Random], bool]] = {
    "phrase": breach_phrase,
    "topic": breach_topic,
    "closing": breach_closing,
    "case": breach_case,
    "length": breach_length,
    "language": breach_language,
    "consent": breach_consent,
    "reworded": breach_reworded,
    "wish": breach_wish,
    "tone": breach_tone,
}


def deny(rows: Rows, rng: random.Random) -> str:
    """A result that says the call was not permitted."""
    at = rng.choice(calls_at(rows) or [-1])
    if at < 0:
        return ""
    form = rng.randrange(len(DENIALS))
    rows[at + 1]["content"] = DENIALS[form]
    return str(form)


def storm(rows: Rows, rng: random.Random) -> str:
    """Three to six failures before a call works; the same error, or another each time."""
    at = rng.choice(calls_at(rows) or [-1])
    if at < 0:
        return ""
    form = rng.choice(("same error", "other errors", "other arguments"))
    error = rng.choice(FAILURES)
    block: Rows = []
    for n in range(rng.randint(3, 6)):
        said = rng.choice(FAILURES) if form == "other errors" else error
        block += again(rows, at, f"storm-{n}", said, json.dumps({"attempt": n}) if form == "other arguments" else None)
    rows[at:at] = block
    return form


def contradict(rows: Rows, rng: random.Random) -> str:
    """A sentence that the agent said, said again later with another value, or denied, nothing having changed in between."""
    said = [(i, s) for i in spoken_at(rows) for s in re.split(r"(?<=[.!])\s+|\n+", rows[i]["content"]) if 25 <= len(s) <= 160]
    forms = []
    for i, sentence in said:
        money = re.search(r"\$(\d+)", sentence)
        if money and sentence.count("$") == 1:
            forms.append((i, "amount", sentence.replace(money.group(), f"${int(money.group(1)) + rng.randint(5, 60)}")))
        if re.search(r"\b(?:is|are|can) not\b|\bcannot\b", sentence):
            forms.append((i, "denied", re.sub(r"\b(is|are|can) not\b", r"\1", sentence).replace("cannot", "can")))
    if not forms:
        return ""
    at, form, sentence = rng.choice(forms)
    changed = [i for i in calls_at(rows) if i > at]
    place = min(changed) if changed else len(rows)
    rows[place:place] = [{"role": "user", "content": "Are you sure?"}, {"role": "assistant", "content": f"Yes. {sentence}"}]
    return form


def floor_repeat(traces: list[Trace]) -> set[str]:
    """The same name and the same argument text three times."""
    calls = {t.trace_id: Counter((c.name, str(c.arguments)) for m in t.messages for c in m.tool_calls) for t in traces}
    return {id for id, counts in calls.items() if max(counts.values(), default=0) >= 3}


def floor_rename(traces: list[Trace]) -> set[str]:
    """A name that is called in fewer than three traces."""
    seen = Counter(name for t in traces for name in {c.name for m in t.messages for c in m.tool_calls})
    return {t.trace_id for t in traces if any(seen[c.name] < 3 for m in t.messages for c in m.tool_calls)}


def floor_drop(traces: list[Trace]) -> set[str]:
    """More calls than results."""
    return {t.trace_id for t in traces if sum(len(m.tool_calls) for m in t.messages) > sum(m.role == "tool" for m in t.messages)}


def floor_disobey(traces: list[Trace]) -> set[str]:
    """A long conversation."""
    return {t.trace_id for t in traces if len(t.messages) > 30}


def floor_deny(traces: list[Trace]) -> set[str]:
    """The word permission, in any tool's result."""
    return {t.trace_id for t in traces if any(m.role == "tool" and "permission" in m.text.lower() for m in t.messages)}


def floor_storm(traces: list[Trace]) -> set[str]:
    """The word error, in three results or more."""
    return {t.trace_id for t in traces if sum(m.role == "tool" and "error" in m.text.lower() for m in t.messages) >= 3}


def floor_contradict(traces: list[Trace]) -> set[str]:
    """Two answers that name different amounts of money."""
    said = {t.trace_id: {x for m in t.messages if m.role == "assistant" for x in re.findall(r"\$[\d,]+", m.text)} for t in traces}
    return {id for id, amounts in said.items() if len(amounts) > 1}


PLANTS: dict[str, tuple[Plant, str, Floor]] = {
    "a call repeated": (repeat, "deduplicate_calls", floor_repeat),
    "a tool renamed": (rename, "validate_tool_names", floor_rename),
    "a result dropped": (drop, "check_consistency", floor_drop),
    "an answer contradicted": (contradict, "check_consistency", floor_contradict),
    "an instruction broken": (disobey, "pin_instructions", floor_disobey),
    "a permission error": (deny, "scope_permissions", floor_deny),
    "a retry storm": (storm, "retry_budget", floor_storm),
}
