"""Stage 5. Two runs become a decision: approved, blocked or undecided."""
