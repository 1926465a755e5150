-- Releases, the failures that wait for eval generation, and how far each mining had got.

CREATE TABLE releases (
    number {serial},
    release_id TEXT NOT NULL,
    version TEXT NOT NULL,
    released_at TEXT NOT NULL,
    rolled_back_at TEXT,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX releases_by_id ON releases (release_id);
CREATE INDEX releases_by_version ON releases (version);

CREATE TABLE queue (
    number {serial},
    queued_id TEXT NOT NULL,
    eval_id TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    taken_at TEXT,
    payload {bytes} NOT NULL
);
CREATE UNIQUE INDEX queue_by_id ON queue (queued_id);

CREATE TABLE minings (
    number {serial},
    last_trace BIGINT NOT NULL
);
