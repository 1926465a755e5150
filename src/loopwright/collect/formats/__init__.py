"""Records of other tools' exports become spans, traces and feedback: one module a tool."""
