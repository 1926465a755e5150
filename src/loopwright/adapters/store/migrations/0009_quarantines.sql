-- Cases in quarantine: every entry that there ever was; of a case the last one counts.

CREATE TABLE quarantines (
    number {serial},
    eval_id TEXT NOT NULL,
    until TEXT NOT NULL,
    payload {bytes} NOT NULL
);
CREATE INDEX quarantines_by_case ON quarantines (eval_id);
