-- kind: reversible: posture is decided anew within seconds
-- up
CREATE TABLE posture (
  only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  posture         text NOT NULL CHECK (posture IN ('SECURED', 'CONTESTED', 'COMPROMISED')),
  reason          text,
  since           timestamptz NOT NULL,
  candidate       text CHECK (candidate IN ('SECURED', 'CONTESTED', 'COMPROMISED')),
  candidate_since timestamptz
);
COMMENT ON TABLE posture IS 'derived: the fleet''s posture with its memory';

CREATE TABLE ingest_fence (
  only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  reason     text NOT NULL,
  raised_by  text NOT NULL,
  raised_at  timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
COMMENT ON TABLE ingest_fence IS 'control: a row means ingest is refused until it expires';
-- down
DROP TABLE ingest_fence;
DROP TABLE posture;
