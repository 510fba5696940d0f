-- kind: reversible: without its position the writer replays what the log still holds; samples are stored once
-- up
-- No key: a message that comes twice is noted twice, and the leading writer merges the ranges.
CREATE TABLE ingest_applied (
  stream    text NOT NULL,
  first_seq bigint NOT NULL,
  last_seq  bigint NOT NULL CHECK (last_seq >= first_seq),
  last_at   timestamptz NOT NULL
);
COMMENT ON TABLE ingest_applied IS 'control: messages of the ingest log whose samples are in this database; last_at is when the log took last_seq';

CREATE TABLE ingest_gaps (
  stream    text NOT NULL,
  first_seq bigint NOT NULL,
  last_seq  bigint NOT NULL,
  after_at  timestamptz,
  before_at timestamptz,
  found_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (stream, first_seq)
);
COMMENT ON TABLE ingest_gaps IS 'control: messages that neither this database nor the ingest log holds; their samples were taken between after_at and before_at';
-- down
DROP TABLE ingest_gaps;
DROP TABLE ingest_applied;
