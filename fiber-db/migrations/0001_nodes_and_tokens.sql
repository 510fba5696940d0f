-- kind: lossy: drops nodes and access tokens
-- up
CREATE TABLE nodes (
  node_id      text PRIMARY KEY CHECK (node_id ~ '^[A-Za-z0-9._-]{1,64}$'),
  country      text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  region       text NOT NULL,
  latitude     double precision CHECK (latitude BETWEEN -90 AND 90),
  longitude    double precision CHECK (longitude BETWEEN -180 AND 180),
  demo         boolean NOT NULL DEFAULT false,
  interval_ms  integer NOT NULL DEFAULT 10000 CHECK (interval_ms >= 1000),
  thresholds   jsonb NOT NULL DEFAULT '{}',
  version      text,
  uplink       text NOT NULL DEFAULT 'unknown' CHECK (uplink IN ('ok', 'down', 'unknown')),
  unable       jsonb NOT NULL DEFAULT '[]',
  heartbeat_at timestamptz,
  state        text NOT NULL DEFAULT 'STALE'
               CHECK (state IN ('HEALTHY', 'DEGRADED', 'CRITICAL', 'STALE', 'DOWN')),
  state_since  timestamptz NOT NULL DEFAULT now(),
  state_reason text DEFAULT 'never reported',
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  deleted_at   timestamptz,
  CHECK ((latitude IS NULL) = (longitude IS NULL))
);
COMMENT ON TABLE nodes IS 'state: one probe; deleted_at marks a soft delete';

CREATE TABLE access_tokens (
  token_id   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  role       text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'probe')),
  node_id    text,
  hash       bytea NOT NULL UNIQUE,
  label      text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  CHECK ((role = 'probe') = (node_id IS NOT NULL))
);
COMMENT ON TABLE access_tokens IS 'state: bearer tokens, stored as SHA-256 of 32 random bytes';
-- down
DROP TABLE access_tokens;
DROP TABLE nodes;
