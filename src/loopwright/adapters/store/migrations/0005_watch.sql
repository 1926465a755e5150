-- Watching: business events, the drifts found, and the inputs that people took into the reference.

CREATE TABLE business_events (
    number {serial},
    event_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    at TEXT NOT NULL,
    value FLOAT NOT NULL
);
CREATE UNIQUE INDEX business_events_by_id ON business_events (event_id);
CREATE INDEX business_events_by_session ON business_events (session_id);

CREATE TABLE drift_findings (
    number {serial},
    finding_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    found_at TEXT NOT NULL,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX drift_findings_by_id ON drift_findings (finding_id);

CREATE TABLE accepted_inputs (
    number {serial},
    accepted_at TEXT NOT NULL,
    payload {bytes} NOT NULL
);
