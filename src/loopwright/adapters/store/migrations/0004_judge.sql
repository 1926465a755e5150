-- What judges and people said of the same items, and the descriptions that a model gave of failure modes. Rows are only added:
-- of one judge or person and one item, and of one mode, the latest counts.

CREATE TABLE verdicts (
    number {serial},
    item_id TEXT NOT NULL,
    judge_id TEXT NOT NULL,
    passed BOOLEAN,
    payload {bytes} NOT NULL
);
CREATE INDEX verdicts_by_judge ON verdicts (judge_id, item_id);

CREATE TABLE labels (
    number {serial},
    item_id TEXT NOT NULL,
    labelled_by TEXT NOT NULL,
    passed BOOLEAN NOT NULL,
    payload {bytes} NOT NULL
);
CREATE INDEX labels_by_item ON labels (item_id);

CREATE TABLE mode_descriptions (
    number {serial},
    mode_id TEXT NOT NULL,
    payload {bytes} NOT NULL
);
CREATE INDEX mode_descriptions_by_mode ON mode_descriptions (mode_id);
