-- kind: lossy: drops every sample
-- up
CREATE TABLE series (
  series_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  node_id    text NOT NULL REFERENCES nodes,
  target     text NOT NULL DEFAULT '',
  check_type text NOT NULL DEFAULT '' CHECK (check_type IN ('', 'icmp', 'tcp', 'http', 'dns', 'tls')),
  thresholds jsonb NOT NULL DEFAULT '{}',
  UNIQUE (node_id, target, check_type),
  CHECK ((target = '') = (check_type = ''))
);
COMMENT ON TABLE series IS 'append: what one node measures; empty target and check are its own summary';

-- Columns from wide to narrow, so that rows carry no padding.
CREATE TABLE samples (
  time           timestamptz NOT NULL,
  latency_ms     double precision,
  latency_min_ms double precision,
  latency_max_ms double precision,
  jitter_ms      double precision,
  uptime_pct     double precision NOT NULL,
  packet_loss    double precision NOT NULL,
  series_id      integer NOT NULL,
  sent           smallint,
  received       smallint,
  metadata       jsonb,
  PRIMARY KEY (series_id, time)
) PARTITION BY RANGE (time);
COMMENT ON TABLE samples IS 'append: one round of one series, partitioned by UTC day';
-- down
DROP TABLE samples;
DROP TABLE series;
