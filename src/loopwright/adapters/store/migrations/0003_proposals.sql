-- Harness proposals, every version of their content, their verifications with each trial, and every write of the harness.

CREATE TABLE proposals (
    number {serial},
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
    number {serial},
    proposal_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX proposal_versions_by_content ON proposal_versions (proposal_id, fingerprint);

CREATE TABLE verifications (
    number {serial},
    proposal_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    verified_at TEXT,
    payload {bytes} NOT NULL
);
CREATE INDEX verifications_by_proposal ON verifications (proposal_id);
CREATE TABLE verification_runs (
    number {serial},
    run_id TEXT NOT NULL,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX verification_runs_by_id ON verification_runs (run_id);
CREATE TABLE verification_results (
    number {serial},
    run_id TEXT NOT NULL,
    eval_id TEXT NOT NULL,
    trial BIGINT NOT NULL,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX verification_results_by_trial ON verification_results (run_id, eval_id, trial);

CREATE TABLE harness_changes (
    number {serial},
    proposal_id TEXT NOT NULL,
    action TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    payload {bytes} NOT NULL
);
CREATE INDEX harness_changes_by_proposal ON harness_changes (proposal_id);
