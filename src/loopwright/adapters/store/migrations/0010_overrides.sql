-- Overrides of gate decisions. None is ever deleted; one that was withdrawn says so.

CREATE TABLE overrides (
    number {serial},
    override_id TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    until TEXT NOT NULL,
    withdrawn_at TEXT,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX overrides_by_id ON overrides (override_id);
CREATE INDEX overrides_by_decision ON overrides (decision_id);
