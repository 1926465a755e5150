"""A small airline-support agent to try the loop on: real tools, real state, a planner that needs no key, and its users.

| module | what it holds |
|---|---|
| `database`, `policy`, `toolbox`, `faults`, `tools` | the world; the airline's rules; what the agent can do |
| `understanding`, `belief`, `flows`, `planner`, `phrasing` | the planner: it works from the conversation's text alone |
| `loop`, `spans`, `clock`, `llm` | the loop under guard, its telemetry, simulated time, a real model in the planner's place |
| `setup`, `agent` | the agent put together, and as a plain function |
| `defects`, `versions` | what was planted, as ground truth for tests and benchmarks |
| `goals`, `traveller`, `traffic`, `production` | who writes to the agent, what they want, and weeks of it |
| `scenario`, `target` | the agent as a target of evals |
"""
