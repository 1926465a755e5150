"""Spans are read in seven dialects, a table of names each.

A span may be written in several: each field is taken from the first that tells it, in the order of this page. What no table
names is not lost: it stays among the attributes of its step, those of the outermost span among the attributes of the trace, and
the span itself is kept as it came.

- Messages are read in the shapes of OpenTelemetry, OpenAI (chat and responses), Anthropic, Bedrock, Gemini, LangChain,
  LlamaIndex, Pydantic AI and the Vercel AI SDK, as JSON text or as values. What is no message of any of these is kept as text.
- Messages may also be events: `gen_ai.{system,user,assistant,tool}.message`, `gen_ai.choice` and
  `gen_ai.client.inference.operation.details`, on the span, as log records, or listed in an attribute.
- `gen_ai.evaluation.result` is feedback: on a span as its event, or as a log record on the trace, span or response it names.
  Its label tells whether it is bad (`pass`, `incorrect`, ...), and so does a score of true or false under a name that says which
  is good (`is_correct`, `hallucination`); a number does not, for its scale is not known.
- Where no span tells what was asked, or answered, it is what the outermost agent or chain was given, or gave: its one text, or
  its JSON.
- The agent's version falls back to `service.version`, its name to `service.name` and then to that of an outermost agent's span.
- Tokens and cost are those of the calls of models; what none of them tells is what the agents around them tell.
- Where no cost is told, it is reckoned from model and tokens by the price lists of `genai-prices`; the trace's attribute
  `loopwright.priced` names the models whose price was known.
- Where a service's clock is off, so that a call would begin before its caller, all spans of the service are moved, and the
  attribute `loopwright.clock` says by how many seconds. A span that ended before it began lasted no time, and says so.
- Other events of a span are kept in the attribute `span.events` of its step, its links in `span.links`.
"""
