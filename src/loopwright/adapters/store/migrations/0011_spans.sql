-- Spans as they came, by trace, and apart from them what is looked up and the normalised form, which a trace may not have yet.
-- A trace's row is small, so that lists and filters read little. listed_at is microseconds since 1970: its start, or when it came.
-- changed is a number that grows: traces whose normalised form came or changed after a mark have a higher one.
-- Parts that came together are compressed together, in a block; a part says where in it it stands.

CREATE TABLE trace_forms (
    trace {key},
    parts BIGINT NOT NULL,
    payload {bytes} NOT NULL
);
INSERT INTO trace_forms (trace, parts, payload) SELECT number, 0, payload FROM traces;

DROP INDEX traces_by_session;
DROP INDEX traces_by_version;
DROP INDEX traces_by_start;
ALTER TABLE traces DROP COLUMN payload;
ALTER TABLE traces ADD COLUMN name TEXT;
ALTER TABLE traces ADD COLUMN user_id TEXT;
ALTER TABLE traces ADD COLUMN ended_at TEXT;
ALTER TABLE traces ADD COLUMN listed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traces ADD COLUMN error BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE traces ADD COLUMN spans BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traces ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traces ADD COLUMN settled BIGINT NOT NULL DEFAULT 0;
ALTER TABLE traces ADD COLUMN complete BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE traces ADD COLUMN root_ended BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE traces ADD COLUMN missing TEXT;
ALTER TABLE traces ADD COLUMN arrived_at TEXT;
ALTER TABLE traces ADD COLUMN changed BIGINT;
UPDATE traces SET changed = number;
UPDATE traces SET listed_at = {microseconds} WHERE started_at IS NOT NULL;

CREATE INDEX traces_by_time ON traces (listed_at);
CREATE INDEX traces_by_session ON traces (session_id, listed_at);
CREATE INDEX traces_by_user ON traces (user_id, listed_at);
CREATE INDEX traces_by_agent ON traces (agent, version, listed_at);
CREATE INDEX traces_by_version ON traces (version, listed_at);
CREATE INDEX traces_failing ON traces (listed_at) WHERE error;
CREATE INDEX traces_by_change ON traces (changed) WHERE changed IS NOT NULL;
CREATE INDEX traces_pending ON traces (complete, arrived_at) WHERE settled < parts;

CREATE TABLE trace_parts (
    number {serial},
    trace BIGINT NOT NULL,
    block BIGINT NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    marks {bytes} NOT NULL
);
CREATE INDEX trace_parts_by_trace ON trace_parts (trace);
CREATE TABLE blocks (
    number {serial},
    dictionary BIGINT NOT NULL,
    data {bytes} NOT NULL
);
CREATE TABLE dictionaries (
    number {serial},
    content {bytes} NOT NULL
);
CREATE TABLE span_totals (
    id BIGINT NOT NULL PRIMARY KEY,
    spans BIGINT NOT NULL
);
INSERT INTO span_totals (id, spans) VALUES (1, 0);

-- Which traces hold a span or a response of that id: the key is 48 bits of a digest of the id.

CREATE TABLE trace_places (
    place BIGINT NOT NULL,
    trace BIGINT NOT NULL,
    PRIMARY KEY (place, trace)
) {without_rowid};

{fulltext};

CREATE TABLE cursors (
    source TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
);

ALTER TABLE feedback ADD COLUMN span_id TEXT;
ALTER TABLE feedback ADD COLUMN response_id TEXT;
CREATE INDEX feedback_by_session ON feedback (session_id);
CREATE INDEX feedback_waiting_by_span ON feedback (joined_to, span_id);
CREATE INDEX feedback_waiting_by_response ON feedback (joined_to, response_id);
