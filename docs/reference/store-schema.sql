-- Written by scripts/write_schema.py from the migrations; add a migration, and do not change this file.

CREATE TABLE migrations (
	number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	checksum TEXT NOT NULL, 
	applied_at TEXT NOT NULL, 
	PRIMARY KEY (number)
);
CREATE TABLE traces (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    trace_id TEXT NOT NULL,
    session_id TEXT,
    agent TEXT,
    version TEXT,
    started_at TEXT,
    fingerprint TEXT NOT NULL, name TEXT, user_id TEXT, ended_at TEXT, listed_at BIGINT NOT NULL DEFAULT 0, error BOOLEAN NOT NULL DEFAULT FALSE, spans BIGINT NOT NULL DEFAULT 0, parts BIGINT NOT NULL DEFAULT 0, settled BIGINT NOT NULL DEFAULT 0, complete BOOLEAN NOT NULL DEFAULT FALSE, root_ended BOOLEAN NOT NULL DEFAULT FALSE, missing TEXT, arrived_at TEXT, changed BIGINT);
CREATE UNIQUE INDEX traces_by_id ON traces (trace_id);
CREATE TABLE failures (
    trace_id TEXT NOT NULL PRIMARY KEY,
    score FLOAT,
    severity FLOAT,
    signal_type TEXT NOT NULL,
    session_id TEXT,
    version TEXT,
    occurred_at TEXT,
    fingerprint TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX failures_by_score ON failures (score);
CREATE INDEX failures_by_signal ON failures (signal_type);
CREATE INDEX failures_by_version ON failures (version);
CREATE INDEX failures_by_time ON failures (occurred_at);
CREATE TABLE modes (
    mode_id TEXT NOT NULL PRIMARY KEY,
    score FLOAT,
    found BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    decided BOOLEAN NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE memberships (
    trace_id TEXT NOT NULL PRIMARY KEY,
    mode_id TEXT,
    strength FLOAT
);
CREATE INDEX memberships_by_mode ON memberships (mode_id);
CREATE TABLE cases (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    case_id TEXT NOT NULL,
    mode_id TEXT,
    status TEXT NOT NULL,
    decided_by TEXT,
    decided_at TEXT,
    fingerprint TEXT NOT NULL
);
CREATE UNIQUE INDEX cases_by_id ON cases (case_id);
CREATE INDEX cases_by_mode ON cases (mode_id);
CREATE INDEX cases_by_status ON cases (status);
CREATE TABLE case_versions (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    case_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX case_versions_by_content ON case_versions (case_id, fingerprint);
CREATE TABLE runs (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    version TEXT NOT NULL,
    suite_digest TEXT NOT NULL,
    target TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX runs_by_id ON runs (run_id);
CREATE INDEX runs_by_version ON runs (version);
CREATE TABLE results (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    eval_id TEXT NOT NULL,
    trial BIGINT NOT NULL,
    passed BOOLEAN,
    mode_id TEXT,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX results_by_trial ON results (run_id, eval_id, trial);
CREATE INDEX results_by_case ON results (eval_id);
CREATE INDEX results_by_mode ON results (mode_id);
CREATE TABLE baselines (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    set_by TEXT NOT NULL,
    set_at TEXT NOT NULL
);
CREATE TABLE baseline_runs (
    baseline BIGINT NOT NULL,
    position BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (baseline, position)
);
CREATE TABLE decisions (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    decision_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    baseline_run_id TEXT,
    candidate_run_id TEXT,
    fingerprint TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX decisions_by_id ON decisions (decision_id);
CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TABLE clusterings (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    payload BLOB
);
CREATE TABLE proposals (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    proposal_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    mode_id TEXT,
    status TEXT NOT NULL,
    decided_by TEXT,
    decided_at TEXT,
    why TEXT NOT NULL,
    fingerprint TEXT NOT NULL
);
CREATE UNIQUE INDEX proposals_by_id ON proposals (proposal_id);
CREATE INDEX proposals_by_status ON proposals (status);
CREATE TABLE proposal_versions (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    proposal_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX proposal_versions_by_content ON proposal_versions (proposal_id, fingerprint);
CREATE TABLE verifications (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    proposal_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    verified_at TEXT,
    payload BLOB NOT NULL
);
CREATE INDEX verifications_by_proposal ON verifications (proposal_id);
CREATE TABLE verification_runs (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX verification_runs_by_id ON verification_runs (run_id);
CREATE TABLE verification_results (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    eval_id TEXT NOT NULL,
    trial BIGINT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX verification_results_by_trial ON verification_results (run_id, eval_id, trial);
CREATE TABLE harness_changes (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    proposal_id TEXT NOT NULL,
    action TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX harness_changes_by_proposal ON harness_changes (proposal_id);
CREATE TABLE verdicts (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    item_id TEXT NOT NULL,
    judge_id TEXT NOT NULL,
    passed BOOLEAN,
    payload BLOB NOT NULL
);
CREATE INDEX verdicts_by_judge ON verdicts (judge_id, item_id);
CREATE TABLE labels (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    item_id TEXT NOT NULL,
    labelled_by TEXT NOT NULL,
    passed BOOLEAN NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX labels_by_item ON labels (item_id);
CREATE TABLE mode_descriptions (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    mode_id TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX mode_descriptions_by_mode ON mode_descriptions (mode_id);
CREATE TABLE business_events (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    at TEXT NOT NULL,
    value FLOAT NOT NULL
);
CREATE UNIQUE INDEX business_events_by_id ON business_events (event_id);
CREATE INDEX business_events_by_session ON business_events (session_id);
CREATE TABLE drift_findings (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    finding_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    found_at TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX drift_findings_by_id ON drift_findings (finding_id);
CREATE TABLE accepted_inputs (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    accepted_at TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE releases (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    release_id TEXT NOT NULL,
    version TEXT NOT NULL,
    released_at TEXT NOT NULL,
    rolled_back_at TEXT,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX releases_by_id ON releases (release_id);
CREATE INDEX releases_by_version ON releases (version);
CREATE TABLE queue (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    queued_id TEXT NOT NULL,
    eval_id TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    taken_at TEXT,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX queue_by_id ON queue (queued_id);
CREATE TABLE minings (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    last_trace BIGINT NOT NULL
);
CREATE TABLE loop_steps (
    stage TEXT NOT NULL PRIMARY KEY,
    inputs TEXT NOT NULL,
    at TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE feedback (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    feedback_id TEXT NOT NULL,
    trace_id TEXT,
    session_id TEXT,
    joined_to TEXT,
    payload BLOB NOT NULL
, span_id TEXT, response_id TEXT);
CREATE UNIQUE INDEX feedback_by_id ON feedback (feedback_id);
CREATE INDEX feedback_waiting_by_trace ON feedback (joined_to, trace_id);
CREATE INDEX feedback_waiting_by_session ON feedback (joined_to, session_id);
CREATE TABLE quarantines (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    eval_id TEXT NOT NULL,
    until TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX quarantines_by_case ON quarantines (eval_id);
CREATE TABLE overrides (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    override_id TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    until TEXT NOT NULL,
    withdrawn_at TEXT,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX overrides_by_id ON overrides (override_id);
CREATE INDEX overrides_by_decision ON overrides (decision_id);
CREATE TABLE trace_forms (
    trace INTEGER NOT NULL PRIMARY KEY,
    parts BIGINT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX traces_by_time ON traces (listed_at);
CREATE INDEX traces_by_session ON traces (session_id, listed_at);
CREATE INDEX traces_by_user ON traces (user_id, listed_at);
CREATE INDEX traces_by_agent ON traces (agent, version, listed_at);
CREATE INDEX traces_by_version ON traces (version, listed_at);
CREATE INDEX traces_failing ON traces (listed_at) WHERE error;
CREATE INDEX traces_by_change ON traces (changed) WHERE changed IS NOT NULL;
CREATE INDEX traces_pending ON traces (complete, arrived_at) WHERE settled < parts;
CREATE TABLE trace_parts (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    trace BIGINT NOT NULL,
    block BIGINT NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    marks BLOB NOT NULL
);
CREATE INDEX trace_parts_by_trace ON trace_parts (trace);
CREATE TABLE blocks (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    dictionary BIGINT NOT NULL,
    data BLOB NOT NULL
);
CREATE TABLE dictionaries (
    number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    content BLOB NOT NULL
);
CREATE TABLE span_totals (
    id BIGINT NOT NULL PRIMARY KEY,
    spans BIGINT NOT NULL
);
CREATE TABLE trace_places (
    place BIGINT NOT NULL,
    trace BIGINT NOT NULL,
    PRIMARY KEY (place, trace)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE trace_words USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii');
CREATE TABLE cursors (
    source TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
);
CREATE INDEX feedback_by_session ON feedback (session_id);
CREATE INDEX feedback_waiting_by_span ON feedback (joined_to, span_id);
CREATE INDEX feedback_waiting_by_response ON feedback (joined_to, response_id);
