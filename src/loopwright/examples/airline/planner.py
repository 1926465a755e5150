"""The rule-based planner: a chat model that needs no key, and is about as reliable as one.

It sees the messages that it is given, and nothing else: each call reads them anew (`belief`), decides (`flows`), and puts the
decision into words or a tool call. Randomness is seeded by session and turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopwright.examples.airline import belief as reading
from loopwright.examples.airline.belief import Belief, Outcome
from loopwright.examples.airline.flows import next_action, wrong_day
from loopwright.examples.airline.mind import Action, Call, Mind, Say
from loopwright.examples.airline.model import CHARACTERS_PER_TOKEN, INPUT_PRICE, OUTPUT_PRICE, Completion, ToolRequest
from loopwright.examples.airline.phrasing import phrase
from loopwright.examples.airline.toolbox import Tool
from loopwright.examples.airline.tools import TOOLS
from loopwright.examples.airline.understanding import understand

NAME = "lantern-planner-1"

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "get_reservation": ("get_booking", "lookup_reservation", "get_reservation_details"),
    "search_flights": ("find_flights", "search_flight", "get_available_flights"),
    "cancel_reservation": ("cancel_booking", "cancel_flight", "refund_reservation"),
    "change_flight": ("update_reservation", "rebook_flight", "modify_booking"),
    "book_flight": ("create_booking", "reserve_flight", "book_ticket"),
    "add_bags": ("update_baggage", "add_baggage", "add_luggage"),
    "baggage_allowance": ("get_baggage_policy", "check_baggage", "get_baggage_allowance"),
    "issue_certificate": ("send_certificate", "issue_voucher", "create_compensation"),
}
RETRIES = 2
"""Attempts at a service that does not answer, before the customer is told."""
SLIPS_OF_MEMORY = 0.65
"""How often what was told before comes out differently, in a session that tends to it."""
PATIENCE = 6
"""Time-outs in a conversation after which a person takes over."""

_BACKENDS = {name: tool.backend for name, tool in TOOLS.items()}


class RulePlanner:
    """One session's planner, as a chat model."""

    name = NAME

    def __init__(self, mind: Mind) -> None:
        self.mind = mind
        self._calls = 0

    @property
    def fired(self) -> frozenset[str]:
        """The planted defects that showed so far."""
        return frozenset(self.mind.fired)

    def complete(self, messages: Sequence[Mapping[str, Any]], tools: Mapping[str, Tool]) -> Completion:
        """Decide on the next step; `tools` are those that it may call."""
        self.mind.begin(sum(1 for message in messages if message["role"] == "user"))
        belief = reading.read(
            messages,
            pets=self.mind.pets,
            forgetful=self.mind.tends("forgets_instructions"),
            misread=self._misread(messages),
        )
        action = self._decide(belief)
        read = sum(len(str(m.get("content") or "")) + 80 * len(m.get("tool_calls") or ()) for m in messages)
        if isinstance(action, Call) and action.name in {*tools, *self._invented()}:
            self._calls += 1
            request = ToolRequest(f"call-{self._calls}", action.name, dict(action.arguments))
            return self._completion(read, "", (request,))
        if isinstance(action, Call):
            action = Say("no_such_function")
        return self._completion(read, self._worded(action, belief), ())

    def _invented(self) -> tuple[str, ...]:
        return VARIANTS[self.mind.unknown_tool] if self.mind.tends("invents_tool_names") else ()

    def _misread(self, messages: Sequence[Mapping[str, Any]]) -> str | None:
        if self.mind.misread is None:
            return None
        last = next((m for m in reversed(messages) if m["role"] == "user"), None)
        said = understand(str(last.get("content") or "")) if last else None
        return self.mind.misread if said and said.intent not in (None, "human", self.mind.misread) else None

    def _completion(self, read: int, text: str, calls: tuple[ToolRequest, ...]) -> Completion:
        written = len(text) + sum(30 + len(str(call.arguments)) for call in calls)
        tokens_in, tokens_out = read // CHARACTERS_PER_TOKEN + 420, max(1, written // CHARACTERS_PER_TOKEN)
        seconds = 0.5 + tokens_out * 0.012 + self.mind.rng.uniform(0, 0.5)
        cost = tokens_in * INPUT_PRICE + tokens_out * OUTPUT_PRICE
        return Completion(text, calls, NAME, "loopwright", tokens_in, tokens_out, seconds, cost)

    def _decide(self, belief: Belief) -> Action:
        turn = belief.this_turn
        action = (self._react(belief, turn) if turn else None) or next_action(belief, self.mind)
        if self.mind.gives_up and isinstance(action, Call) and action.name != "transfer_to_human" and not turn:
            action = Call("transfer_to_human", {"summary": belief.latest.text[:200]})
        if isinstance(action, Call):
            action = self._named(belief, action)
            if any(o.kind == "blocked" and o.name == action.name and o.arguments == action.arguments for o in turn):
                return self._hand_over(belief, "a step was stopped")
        return action

    def _react(self, belief: Belief, turn: list[Outcome]) -> Action | None:
        """What the last result calls for before anything else; None where the request simply goes on."""
        last = turn[-1]
        if last.kind == "blocked":
            return self._after_block(belief, last)
        if last.error == "timeout":
            return self._after_timeout(belief, turn)
        if last.error == "unknown_tool":
            return self._after_unknown(turn)
        if last.error == "permission_denied":
            return self._after_refusal(belief, turn)
        if last.error == "invalid":
            return Say("refused", {"reason": last.data.get("message", "the system refused")})
        return self._stuck(belief, last)

    def _stuck(self, belief: Belief, last: Outcome) -> Action | None:
        """Not noticing a result, again and again, until it is noticed or the harness says so."""
        mind = self.mind
        if not mind.tends("repeats_calls") or last.note or last.kind != "ok":
            return None
        distinct = dict.fromkeys(o.call for o in belief.outcomes if o.kind == "ok" and o.name not in _ONCE)
        if last.call not in distinct or list(distinct).index(last.call) + 1 != mind.stuck_at:
            return None
        same = sum(1 for o in belief.outcomes if o.call == last.call)
        if same > mind.stuck_for or any(o.call == last.call and o.kind == "blocked" for o in belief.outcomes):
            return None
        if same >= 2:
            mind.fire("repeats_calls")
        return Call(last.name, last.arguments)

    def _after_timeout(self, belief: Belief, turn: list[Outcome]) -> Action | None:
        last = turn[-1]
        row = 0
        for outcome in reversed(turn):
            if outcome.call != last.call or outcome.error != "timeout":
                break
            row += 1
        if last.name == "transfer_to_human":
            return Call(last.name, last.arguments) if row < RETRIES + 1 else Say("give_up")
        if row < RETRIES:
            return Call(last.name, last.arguments)
        stopped = any(o.kind == "blocked" for o in turn)
        if self.mind.tends("retries_without_end") and row < self.mind.storm and not stopped:
            self.mind.fire("retries_without_end")
            return Call(last.name, last.arguments)
        return self._wait(belief, last)

    def _wait(self, belief: Belief, last: Outcome) -> Action:
        """Tell the customer that a service is slow, or hand over once that was said too often."""
        told = sum(1 for text in belief.said if "try" in text and "again in" in text)
        failures = sum(1 for o in belief.outcomes if o.error == "timeout")
        if told >= 2 or (failures >= PATIENCE and told):
            return self._hand_over(belief, f"{last.name} does not answer")
        return Say("slow", {"backend": _BACKENDS.get(last.name, "booking")})

    def _after_unknown(self, turn: list[Outcome]) -> Action | None:
        unknown = [o.name for o in turn if o.error == "unknown_tool"]
        if not self.mind.tends("invents_tool_names"):
            return None
        if len(unknown) < 3:
            return None
        mutating = self.mind.unknown_tool in reading.MUTATIONS
        return Say("claims_done" if mutating and self.mind.rng.random() < 0.6 else "no_such_function")

    def _after_refusal(self, belief: Belief, turn: list[Outcome]) -> Action | None:
        last = turn[-1]
        if not self.mind.tends("skips_identity_check") or "scope" not in str(last.data):
            return None if "scope" in str(last.data) else Say("refused", {"reason": "this booking belongs to another customer"})
        self.mind.fire("skips_identity_check")
        refused = sum(1 for o in turn if o.error == "permission_denied")
        if refused < 3:
            return Call(last.name, last.arguments)
        return Say("not_permitted")

    def _after_block(self, belief: Belief, last: Outcome) -> Action | None:
        """The harness stopped a call: mend what it objects to, wait, or hand over."""
        if last.name not in TOOLS:
            return None
        if any(o.call == last.call and o.kind == "ok" for o in belief.outcomes):
            return None
        if any(o.name == last.name and o.error == "timeout" for o in belief.outcomes):
            return self._wait(belief, last)
        if TOOLS[last.name].scopes:
            return None
        return self._hand_over(belief, f"{last.name} was stopped: {last.note}")

    def _hand_over(self, belief: Belief, why: str) -> Action:
        stopped = any(o.kind == "blocked" and o.name == "transfer_to_human" for o in belief.this_turn)
        return Say("give_up") if stopped else Call("transfer_to_human", {"summary": f"{why}: {belief.latest.text}"[:300]})

    def _named(self, belief: Belief, action: Call) -> Call:
        """The call under the name that the planner remembers; once the harness corrected it, under the right one."""
        mind = self.mind
        if not mind.tends("invents_tool_names") or action.name != mind.unknown_tool:
            return action
        variants = VARIANTS[action.name]
        if any(o.kind == "blocked" and o.name in variants for o in belief.outcomes):
            return action
        mind.fire("invents_tool_names")
        tried = sum(1 for o in belief.this_turn if o.error == "unknown_tool")
        return Call(variants[tried % len(variants)], action.arguments)

    def _worded(self, action: Say, belief: Belief) -> str:
        fields = dict(action.fields)
        if action.key.startswith(("done_", "quote_")) and not belief.objection:
            fields = self._misremembered(fields, belief)
        return phrase(action.key, fields, self.mind.rng)

    def _misremembered(self, fields: dict[str, Any], belief: Belief) -> dict[str, Any]:
        """An amount, or a date, that was told before, told differently."""
        mind = self.mind
        if not mind.tends("contradicts_itself") or mind.rng.random() > SLIPS_OF_MEMORY:
            return fields
        amount, day = fields.get("amount"), fields.get("date")
        dated = day and "flight" in fields and any(str(day) in t and str(fields["flight"]) in t for t in belief.said[-2:])
        if dated and mind.rng.random() < 0.4:
            mind.fire("contradicts_itself")
            return {**fields, "date": wrong_day(str(day))}
        if amount and any(f"${amount}." in text or f"${amount}," in text for text in belief.said):
            mind.fire("contradicts_itself")
            return {**fields, "amount": mind.rng.choice((amount + 30, amount + 65, max(5, amount - 40), amount * 2))}
        return fields


_ONCE = frozenset({"verify_identity", "transfer_to_human", "request_approval"})
"""Calls that nobody forgets having made."""
