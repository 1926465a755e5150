"""A customer in conversation: reacts to what the agent says, in its own words, as the text of its answers gives it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from loopwright.examples.airline.goals import Goal, told_amount
from loopwright.examples.airline.traffic import Visitor
from loopwright.examples.airline.understanding import dates_in
from loopwright.examples.airline.wishes import AGAIN, OPENINGS, rules_of, said_day, wish

MAX_TURNS = 26
CALLED_AWAY = 0.012
"""The chance, at each turn, that something else comes up and they are gone."""

_I = re.IGNORECASE
_HANDED = re.compile(
    r"\b(colleague|human agent|specialist)\b[^.]*\b(will|takes|has|contact|be with)\b|handed (this|you) over|transferr", _I
)
_RETRY = re.compile(r"\btry( it)? again\b", _I)
_QUOTE = re.compile(r"\b(shall i|should i|would you like me to|do you want me to|may i go ahead|please confirm)\b", _I)
_DONE = re.compile(
    r"\b(is cancelled|has been (cancelled|canceled|changed|booked|issued|added|arranged|taken care)|now booked on"
    r"|booking is complete|i have added|now includes|taken care of|been arranged)\b|^done\b|^all set\b",
    _I,
)
_ASKS = re.compile(r"\?|\bplease\b", _I)
_BAD = re.compile(r"\b(sorry|unable|cannot|can't|could not|not allowed|permission|unfortunately|afraid|not sure)\b", _I)
_OPTIONS = re.compile(r"\bLW\d{3}\b.*\bwhich\b", _I | re.DOTALL)
_RESERVATION = re.compile(r"\b([A-Z]{4}\d{2})\b")
_ABOUT = {
    "cancel": re.compile(r"cancel", _I),
    "change": re.compile(r"mov|chang", _I),
    "book": re.compile(r"book", _I),
    "add_bags": re.compile(r"\bbags?\b", _I),
    "compensate": re.compile(r"certificate", _I),
}
_ANSWERED = {
    "baggage": re.compile(r"\bbags?\b[^?]*\bfree\b|\bfree\b[^?]*\bbags?\b", _I),
    "check_in": re.compile(r"\bhours\b", _I),
    "status": re.compile(r"\bis (on time|delayed|cancelled)\b", _I),
    "pets": re.compile(r"\bcabin\b|\$95", _I),
    "change": re.compile(r"cannot be changed", _I),
    "compensate": re.compile(r"not late enough", _I),
    "cancel": re.compile(r"already cancelled|left everything as it is|nothing was changed", _I),
}


@dataclass(slots=True)
class Traveller:
    """One visitor's side of the conversation. `reply` gives their next message, or None when they leave.

    `told` keeps the answers heard for each goal, `agreed` the goals they said yes to a quote for. `left` says why they went:
    finished, handed_over, abandoned or escalated; `pleased` is their own view, which can be wrong.
    """

    visitor: Visitor
    seed: str
    told: dict[int, list[str]] = field(default_factory=dict)
    agreed: set[int] = field(default_factory=set)
    left: str = ""
    pleased: bool = True
    corrections: list[str] = field(default_factory=list)
    escalated: bool = False
    turn: int = 0
    _at: int = 0
    _bad: int = 0
    _explored: int = 0
    _corrected: bool = False
    _asked_again: bool = False
    _double_checked: bool = False
    _done: bool = False
    _listed: str = ""
    _rng: Random = field(default_factory=Random)

    @property
    def goal(self) -> Goal:
        """What they are after at the moment."""
        return self.visitor.goals[self._at]

    def open(self) -> str:
        """Their first message."""
        self._begin()
        rng, goal = self._rng, self.goal
        parts = [rng.choice(("", "", "Hi, ", "Hello. ", "Good morning. ")) + wish(goal, OPENINGS, rng, self.visitor.mistyped)]
        if goal.rules:
            parts.append(rules_of(goal, rng))
        if rng.random() < 0.45:
            parts.append(f"My customer number is {self.visitor.user.user_id}.")
        return " ".join(parts)

    def reply(self, answer: str, waited: float) -> str | None:
        """Their answer to the agent's, for which they waited so many seconds."""
        self._begin()
        self.told.setdefault(self._at, []).append(answer)
        away = self.turn > MAX_TURNS or self._rng.random() < CALLED_AWAY
        if away or (waited > self.visitor.mood.patience and self._rng.random() < 0.55):
            self._leave("abandoned")
            return None
        for react in (self._to_hand_over, self._to_quote, self._to_question, self._to_end, self._to_bad):
            said = react(answer)
            if said is not None or self.left:
                return said
        return self._not_that()

    def think(self, answer: str) -> float:
        """Seconds until they write again."""
        return self._rng.uniform(35, 70) if _RETRY.search(answer) else self._rng.uniform(8, 40)

    def _begin(self) -> None:
        self.turn += 1
        self._rng = Random(f"{self.seed} turn {self.turn}")

    def _leave(self, why: str, pleased: bool = False) -> None:
        self.left, self.pleased = why, pleased

    def _attentive(self) -> bool:
        return self._rng.random() < self.visitor.mood.attentive

    def _correct(self, text: str) -> str | None:
        self._corrected = True
        self.corrections.append(text)
        return self._annoyed(text)

    def _annoyed(self, text: str) -> str | None:
        """Say it, or have had enough: ask for a person, or leave."""
        self._bad += 1
        if self._bad <= self.visitor.mood.tolerance:
            return text
        if not self.escalated and self._rng.random() < 0.45:
            self.escalated = True
            return self._rng.choice(
                (
                    "Let me talk to a human, please.",
                    "This is pointless. I want to speak to a real person.",
                    "Get me a supervisor.",
                )
            )
        self._leave("abandoned")
        return None

    def _to_hand_over(self, answer: str) -> str | None:
        if not _HANDED.search(answer):
            return None
        self._leave("escalated" if self.escalated else "handed_over", pleased=self.goal.kind in ("odd", "pets"))
        return None

    def _to_quote(self, answer: str) -> str | None:
        rng, goal = self._rng, self.goal
        if _RETRY.search(answer):
            return rng.choice(("Yes, please try again.", "ok, I'll wait", "Fine, but hurry."))
        if not _QUOTE.search(answer):
            return None
        about = _ABOUT.get(goal.kind)
        if about is None or not about.search(answer):
            return self._correct(f"No, that's not what I want. {wish(goal, AGAIN, rng)}")
        wrong = self._wrong_detail(answer)
        if wrong and self._attentive():
            return self._correct(wrong)
        if goal.kind == "cancel" and goal.keep and told_amount("cancel", [answer]) == 0:
            self._done = True
            return rng.choice(("No, then leave it as it is.", "No, don't cancel it then."))
        if not self._double_checked and rng.random() < 0.15:
            self._double_checked = True
            return rng.choice(("Sorry, how much was it again?", "What was the amount again?", "Wait, what was the total?"))
        self.agreed.add(self._at)
        return rng.choice(("Yes, please.", "Yes, go ahead.", "ok do it", "Sure.", "Yes."))

    def _wrong_detail(self, answer: str) -> str | None:
        """What is not as they want it, in the details of a quote."""
        goal = self.goal
        named = _RESERVATION.findall(answer)
        if goal.reservation_id and named and goal.reservation_id not in named:
            return f"No, not {named[0]}. I mean reservation {goal.reservation_id}."
        days = dates_in(answer)
        if goal.kind in ("book", "change") and goal.day and days and goal.day.isoformat() not in days:
            return f"No, I said {said_day(goal.day, self._rng)}."
        return self._changed_amount(answer)

    def _changed_amount(self, answer: str) -> str | None:
        before = told_amount(self.goal.kind, self.told[self._at][:-1])
        now = told_amount(self.goal.kind, [answer])
        if before is None or now is None or before == now:
            return None
        return f"Wait, you told me ${before} before, and now ${now}. How much is it?"

    def _to_question(self, answer: str) -> str | None:
        said = self._choose(answer) if _OPTIONS.search(answer) else None
        if said is not None or self.left:
            return said
        if not _ASKS.search(answer) or _DONE.search(answer):
            return None
        given = [text for pattern, give in _QUESTIONS if pattern.search(answer) and (text := give(self))]
        if not given:
            return None
        if _BAD.search(answer) and not self.visitor.mistyped:
            return self._annoyed(" ".join(given))
        return " ".join(given)

    def _choose(self, answer: str) -> str | None:
        """Pick a flight, ask about another day first, or object to what was listed."""
        goal, rng = self.goal, self._rng
        explores = self.visitor.explores if self._at == 0 else ()
        if self._explored < len(explores):
            self._explored += 1
            day = said_day(explores[self._explored - 1], rng)
            return rng.choice((f"Hmm, what about {day}?", f"And on {day}?", f"Could you look at {day} too?"))
        if goal.day is None:
            return f"That's not what I asked. {wish(goal, AGAIN, rng)}"
        if goal.day.isoformat() not in dates_in(answer):
            if explores and self._listed != "back":
                self._listed = "back"
                return f"Then let's take {said_day(goal.day, rng)} after all."
            return self._correct(f"No, I want to fly on {said_day(goal.day, rng)}.")
        numbers = re.findall(r"\bLW\d{3}\b", answer)
        wanted = [n for n in numbers if n in goal.flights]
        if goal.rules - {"credit"} and len(wanted) < len(numbers) and self._attentive() and not self._corrected:
            return self._correct(f"I told you already. {rules_of(goal, rng)}")
        pick = (wanted or numbers)[0] if self._attentive() or len(wanted) == len(numbers) else numbers[-1]
        order = ("first", "second", "third")
        if rng.random() < 0.3 and numbers.index(pick) < 3:
            return f"The {order[numbers.index(pick)]} one, please."
        return f"I'll take {pick}."

    def _to_end(self, answer: str) -> str | None:
        goal, rng = self.goal, self._rng
        done = _DONE.search(answer) if goal.kind in _ABOUT else None
        answered = _ANSWERED.get(goal.kind)
        if not (done or self._done or (answered is not None and answered.search(answer))):
            return None
        self._done = self._done or bool(done)
        problem = self._problem(answer)
        if problem and not self._asked_again:
            self._asked_again = True
            return self._correct(problem)
        if problem:
            self.pleased = False
        if done and not self._asked_again and goal.kind in ("cancel", "change", "book") and rng.random() < 0.2:
            self._asked_again = True
            return rng.choice(("Just to be sure: how much was it again?", "Sorry, what was the amount again?"))
        return self._next()

    def _problem(self, answer: str) -> str | None:
        if not self._attentive():
            return None
        if _DONE.search(answer) and self._at not in self.agreed:
            return "Wait, I had not agreed to that yet!"
        changed = self._changed_amount(answer)
        if changed:
            return changed.replace("How much is it?", "What was it again?")
        return None

    def _next(self) -> str | None:
        rng = self._rng
        if self._at + 1 < len(self.visitor.goals):
            self._at += 1
            self._bad, self._corrected, self._asked_again, self._done = 0, False, False, False
            return rng.choice(("Thanks. One more thing: ", "Great. Also, ", "Good. And another matter: ")) + wish(
                self.goal, OPENINGS, rng
            )
        if rng.random() < 0.35 and self.left != "thanked" and not self._listed.startswith("thanked"):
            self._listed = "thanked"
            self._done = True
            return rng.choice(("Thanks!", "Thank you, bye.", "That's all, thanks."))
        self._leave("finished", pleased=self.pleased)
        return None

    def _to_bad(self, answer: str) -> str | None:
        if not _BAD.search(answer):
            return None
        return self._annoyed(self._again())

    def _again(self) -> str:
        rng = self._rng
        ahead = rng.choice(("", "", "Come on. ", "Seriously? ", "That doesn't help. "))
        return ahead + wish(self.goal, AGAIN, rng)

    def _not_that(self) -> str | None:
        return self._correct(
            f"{self._rng.choice(('No, that is not what I meant.', 'You misunderstood me.'))} {wish(self.goal, AGAIN, self._rng)}"
        )

    def give_user(self) -> str:
        """Their customer number."""
        return self._rng.choice(
            (f"It's {self.visitor.user.user_id}.", self.visitor.user.user_id, f"Customer number {self.visitor.user.user_id}.")
        )

    def give_reservation(self) -> str:
        """Their reservation number, with the typing error of the first time."""
        right = self.goal.reservation_id
        return f"The reservation is {right}." if right else ""

    def give_birth(self) -> str:
        """Their date of birth."""
        born = self.visitor.user.born
        return self._rng.choice(
            (f"{born.isoformat()}", f"I was born on {born.isoformat()}.", f"{born.day} {born:%B} {born.year}")
        )

    def give_day(self) -> str:
        """The day they want to fly on."""
        return f"On {said_day(self.goal.day, self._rng)}, please." if self.goal.day else ""

    def give_trip(self) -> str:
        """Where and how they want to fly."""
        return wish(self.goal, AGAIN, self._rng) if self.goal.kind == "book" else ""

    def give_bags(self) -> str:
        """How many bags."""
        return f"{self.goal.bags} bags." if self.goal.bags else ""


_QUESTIONS: Sequence[tuple[re.Pattern[str], Callable[[Traveller], str]]] = (
    (re.compile(r"customer (number|id)|account number", _I), Traveller.give_user),
    (
        re.compile(r"(reservation|booking|confirmation) (number|id|code|reference)|which reservation", _I),
        Traveller.give_reservation,
    ),
    (re.compile(r"date of birth|birth ?da(te|y)", _I), Traveller.give_birth),
    (re.compile(r"(what|which) (other )?date|what day|which day", _I), Traveller.give_day),
    (re.compile(r"fly from|which cabin|how many (passengers|people)", _I), Traveller.give_trip),
    (re.compile(r"how many bags", _I), Traveller.give_bags),
)
