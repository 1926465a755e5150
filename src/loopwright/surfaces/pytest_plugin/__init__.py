"""The pytest plugin: evals as tests, and the gate over a session. `_loopwright_pytest` loads it when something needs it."""
