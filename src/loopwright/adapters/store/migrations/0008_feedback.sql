-- Feedback given by itself; joined_to is empty until its trace has come.

CREATE TABLE feedback (
    number {serial},
    feedback_id TEXT NOT NULL,
    trace_id TEXT,
    session_id TEXT,
    joined_to TEXT,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX feedback_by_id ON feedback (feedback_id);
CREATE INDEX feedback_waiting_by_trace ON feedback (joined_to, trace_id);
CREATE INDEX feedback_waiting_by_session ON feedback (joined_to, session_id);
