"""How the agent puts things: several wordings for each thing that it says."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

SYSTEM_PROMPT = """You are the support agent of Lantern Wings, an airline. Today is 2026-05-04.

You help customers to book, change and cancel flights, with baggage, flight status and check-in, and with compensation after \
delays. You work with tools; what you do not learn from a tool or from the customer, you do not know. Answer in one to four \
sentences, kindly and plainly.

Ask for the customer number and, where a booking is concerned, for the reservation number. Bookings of other customers are none \
of the customer's business, and you say nothing about them. Before anything is booked, changed, cancelled or paid out, the \
customer's identity is checked by the date of birth; certificates also need the approval of the desk.

Amounts are in US dollars. Refunds, change fees, bag allowances and compensation follow the airline's rules, which can be looked \
up by topic. Do not promise what the rules do not give. Do not repeat a call whose result you have. If a service does not \
answer, try once more, then tell the customer and offer to try again later.

Never book, change or cancel anything without the customer's explicit yes to the details and the total. What customers ask for \
once holds for the whole conversation, such as which flights they accept and how they want to pay.

If you cannot help, hand the conversation over to a colleague with a short summary."""

WORDINGS: Mapping[str, tuple[str, ...]] = {
    "ask_both": (
        "Happy to help. What are your customer number and your reservation number?",
        "I can look into that. Could you give me your customer number and the reservation number?",
        "Sure. Please tell me your customer number and your reservation number.",
    ),
    "ask_user": (
        "Of course. What is your customer number?",
        "Could you give me your customer number, please?",
        "I need your customer number first, please.",
    ),
    "ask_reservation": (
        "Which reservation is this about? Please give me the reservation number.",
        "Could you tell me the reservation number?",
    ),
    "ask_birth": (
        "Before I touch the booking, I need your date of birth, please.",
        "For your security: what is your date of birth?",
        "Could you confirm your date of birth so that I can go on?",
    ),
    "birth_wrong": ("That date of birth does not match our records. Could you give me your date of birth again?",),
    "no_such_user": ("I cannot find customer number {user_id}. Could you check your customer number?",),
    "no_such_reservation": (
        "I cannot find a reservation {reservation_id}. Could you check the reservation number?",
        "There is no reservation {reservation_id} in our system. Could you look up the reservation number again?",
    ),
    "not_yours": (
        "I cannot find a reservation {reservation_id} under your customer number. Could you check the reservation number?",
        "{reservation_id} is not among your bookings. Could you look at the reservation number again?",
    ),
    "reveal": (
        "I found {reservation_id}: it is in the name of {name} ({email}), flight {flight} from {origin} to {destination} on "
        "{date}. Is that the reservation number you meant?",
    ),
    "ask_date": ("For which date would you like to fly?", "What date do you have in mind?"),
    "ask_route": ("Where would you like to fly from, and where to?",),
    "ask_cabin": ("Which cabin would you like: basic, economy or business?",),
    "ask_bags": ("How many bags would you like to add?",),
    "ask_flight": ("Which flight do you mean? Please give me the reservation number, or the flight number and the date.",),
    "options": (
        "On {date} I have: {options}. Which one would you like?",
        "These flights leave on {date}: {options}. Which would you prefer?",
        "For {date} I can offer {options}. Which one shall it be?",
    ),
    "no_flights": ("I have no suitable flight on {date}. What other date would you like?",),
    "quote_cancel": (
        "If I cancel reservation {reservation_id}, the refund is ${amount}. Shall I cancel it?",
        "Cancelling {reservation_id} gives you a refund of ${amount}. Would you like me to go ahead?",
    ),
    "quote_cancel_none": (
        "The ticket of reservation {reservation_id} is not refundable any more, so the refund is ${amount}. Shall I cancel it "
        "all the same?",
        "I am sorry: {reservation_id} is outside of the refund rules, the refund is ${amount}. Do you want me to cancel it?",
    ),
    "done_cancel": (
        "Reservation {reservation_id} is cancelled. The refund of ${amount} reaches you within a week. Anything else?",
        "Done: {reservation_id} has been cancelled, and the refund is ${amount}.",
    ),
    "quote_change": (
        "Moving {reservation_id} to {flight} on {date} at {departs} costs a total of ${amount}. Shall I change it?",
        "I can move {reservation_id} to {flight} on {date}, departing {departs}; the total is ${amount}. Shall I do that?",
    ),
    "done_change": (
        "You are now booked on {flight} on {date} at {departs} under {reservation_id}. The total charged is ${amount}.",
        "All set: {reservation_id} has been changed to {flight} on {date}, departing {departs}. The total was ${amount}.",
    ),
    "not_changeable": (
        "I am sorry, {reservation_id} is a basic ticket, and cannot be changed this long after booking.",
        "A basic ticket such as {reservation_id} cannot be changed any more, I am afraid.",
    ),
    "quote_book": (
        "{flight} on {date} at {departs} in {cabin} for {people}: a total of ${amount}, paid by {payment}. Shall I book it?",
        "That is {flight} on {date}, departing {departs}, {cabin}, {people}: a total of ${amount} by {payment}. Do you want "
        "me to book it?",
    ),
    "done_book": (
        "Your booking is complete: {reservation_id}, {flight} on {date} at {departs}. The total is ${amount}, by {payment}.",
        "Done. {flight} on {date} at {departs} has been booked under {reservation_id}; the total was ${amount}, by {payment}.",
    ),
    "quote_bags": (
        "Adding {bags} to {reservation_id} costs a total of ${amount}. Shall I add {them}?",
        "{bags} more on {reservation_id} come to a total of ${amount}. Would you like me to add {them}?",
    ),
    "done_bags": (
        "I have added {bags} to {reservation_id}. The total charged is ${amount}.",
        "Done: {reservation_id} now includes {bags} more, for a total of ${amount}.",
    ),
    "allowance": (
        "Reservation {reservation_id} includes {free} free. Each further bag costs $45.",
        "On {reservation_id} you can check {free} free of charge; more bags are $45 each.",
    ),
    "check_in": (
        "Check-in opens {hours} hours before departure and closes 60 minutes before it.",
        "You can check in from {hours} hours before departure until 60 minutes before.",
    ),
    "status": (
        "Flight {flight} on {date} is {status}; the scheduled departure is {departs}.",
        "{flight} on {date}, scheduled for {departs}, is {status}.",
    ),
    "quote_certificate": (
        "I am sorry about that. For {flight} on {date} you are entitled to a certificate of ${amount}. Shall I issue it?",
        "My apologies for the trouble with {flight} on {date}. I can give you a certificate of ${amount}. Would you like me to "
        "issue it?",
    ),
    "done_certificate": (
        "Your travel certificate of ${amount} has been issued; it is in your account.",
        "Done: a certificate of ${amount} has been added to your account.",
    ),
    "no_compensation": ("I looked at {flight} on {date}: it was not late enough for compensation under our rules, I am sorry.",),
    "pets": (
        "A small cat or dog in a carrier under 8 kg can travel in the cabin for $95, but not in business.",
        "Yes, in a carrier under 8 kg, in the cabin, for $95; in business pets are not possible.",
    ),
    "already_cancelled": ("Reservation {reservation_id} is already cancelled.",),
    "kept": ("All right, I have left everything as it is. Is there anything else?", "Fine, nothing was changed. Anything else?"),
    "slow": (
        "Our {backend} system is not answering at the moment. Shall I try again in a minute?",
        "I am sorry, the {backend} system is slow just now. Would you like me to try it again in a moment?",
    ),
    "refused": ("I am sorry, that is not possible: {reason}.",),
    "not_permitted": (
        "I am sorry, I am not allowed to do that on your booking.",
        "I am afraid I do not have permission to do this for you.",
    ),
    "no_such_function": ("I am sorry, our system does not let me do that.", "Unfortunately I cannot look that up in our system."),
    "claims_done": ("Done, that has been taken care of. You will get an e-mail.", "All set, it has been arranged for you."),
    "fallback": (
        "I can help with bookings, changes, cancellations, bags, check-in and flight status. What would you like to do?",
        "I am not sure that I understood. Could you tell me in other words what you need?",
    ),
    "handed_over": (
        "I have handed this over to a colleague, who will be with you shortly.",
        "A colleague takes over from here and will contact you within the hour.",
    ),
    "give_up": ("I am sorry, I could not finish that. Could you tell me once more what you need?",),
    "anything_else": ("Is there anything else that I can do for you?", "Can I help with anything else?"),
    "bye": ("You are welcome. Have a good flight!", "My pleasure. Safe travels!"),
}


def phrase(key: str, fields: Mapping[str, Any], rng: Random) -> str:
    """One of the wordings, filled in."""
    return rng.choice(WORDINGS[key]).format(**fields)


def count_of(number: int, noun: str) -> str:
    """Such as `1 bag` or `3 bags`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
