"""What a user's agent imports beside guards: instrumentation, feedback and framework middleware."""
