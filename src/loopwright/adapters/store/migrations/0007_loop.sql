-- The loop: the last time that each of its stages was done, and with which inputs.

CREATE TABLE loop_steps (
    stage TEXT NOT NULL PRIMARY KEY,
    inputs TEXT NOT NULL,
    at TEXT NOT NULL,
    payload {bytes} NOT NULL
);
