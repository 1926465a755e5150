"""The demo, stage by stage: what each computes, and how a person is shown it."""
