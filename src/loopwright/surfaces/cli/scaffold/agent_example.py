"""A stand-in for your agent: a returns desk, so that `loopwright run` has something to test from the first minute.

Replace it: point `url` under [target] in loopwright.toml at your own function, command or URL, and change the cases to match.
A target is given a case's input, text or a list of chat messages, and answers with text, or with a dictionary that also holds
the messages, so that checks can see which tools were called.
"""

from __future__ import annotations

import json
import re
from typing import Any

ORDERS: dict[str, dict[str, Any]] = {
    "A100": {"item": "kettle", "days": 12, "price": 39.90},
    "A200": {"item": "lamp", "days": 80, "price": 25.00},
    "B2001": {"item": "mirror", "days": 3, "price": 59.00},
    "B2002": {"item": "chair", "days": 5, "price": 80.00},
    "B2003": {"item": "desk", "days": 1, "price": 140.00},
}
WINDOW_DAYS = 30


def answer(question: str | list[dict[str, Any]]) -> dict[str, Any]:
    """Answer one customer."""
    text = question if isinstance(question, str) else str(question[-1]["content"])
    found = re.search(r"\b[A-Z]\d{3}", text)
    if found is None:
        return reply("Please tell me your order number; it looks like A100.")
    number = found.group()
    look_up = call("get_order", {"order": number}, ORDERS.get(number, {"error": "no such order"}))
    order = ORDERS.get(number)
    if order is None:
        return reply(f"I could not find order {number}. Please check the number.", look_up)
    if "refund" not in text.lower() and "money back" not in text.lower():
        return reply(f"Order {number} is a {order['item']}, delivered {order['days']} days ago.", look_up)
    if order["days"] > WINDOW_DAYS:
        return reply(f"The refund window of {WINDOW_DAYS} days has passed. I can connect you with a colleague.", look_up)
    refund = call("refund", {"order": number}, {"refunded": order["price"]})
    return reply(f"I have refunded {order['price']:.2f} for the {order['item']}.", look_up, refund)


def call(tool: str, arguments: dict[str, Any], result: dict[str, Any]) -> list[dict[str, Any]]:
    """A tool call and its result, as chat messages."""
    asked = {"id": f"call-{tool}", "type": "function", "function": {"name": tool, "arguments": json.dumps(arguments)}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": f"call-{tool}", "name": tool, "content": json.dumps(result)},
    ]


def reply(text: str, *calls: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer, with what led to it."""
    messages = [message for pair in calls for message in pair]
    return {"output": text, "messages": [*messages, {"role": "assistant", "content": text}]}
