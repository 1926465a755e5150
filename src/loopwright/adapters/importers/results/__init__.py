"""Results of other tools as the gate's rows: promptfoo, Inspect, DeepEval, JUnit XML and CSV."""
