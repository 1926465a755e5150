"""Short requests of four kinds and some of no kind, written for these tests."""

REFUND = (
    "I want a refund for my cancelled flight", "please refund the ticket I cancelled", "can I get my money back for the flight",
    "refund my cancelled booking", "how do I get a refund for a cancelled trip", "give me the money back for my ticket",
    "my flight was cancelled and I want the refund", "when do I receive the refund for my flight",
)  # fmt: skip
PASSWORD = (
    "I forgot my password", "reset my password please", "how can I reset the password of my account", "my password does not work",
    "I can't log in, the password is wrong", "send me a link to change my password", "I need a new password for my login",
)  # fmt: skip
WEATHER = (
    "what is the weather in Paris today", "will it rain tomorrow", "give me the weather forecast", "is it sunny today",
    "what's the temperature outside", "do I need an umbrella today, will it rain", "weather report for this weekend",
)  # fmt: skip
RECIPE = (
    "how do I cook pasta", "give me a recipe for tomato soup", "what can I cook with chicken and rice", "recipe for pancakes",
    "how long do I boil pasta", "how do I bake bread at home", "what do I need to cook an omelette",
)  # fmt: skip
ALONE = (
    "who painted the ceiling of the chapel", "translate good night into Portuguese", "my dog is barking at the neighbour",
    "how many moons has Jupiter",
)  # fmt: skip

KINDS = (REFUND, PASSWORD, WEATHER, RECIPE)
