-- kind: reversible: rollups are computed from samples, those older than the raw retention excepted
-- up
CREATE TABLE rollup_hourly (
  bucket            timestamptz NOT NULL,
  latency_min_ms    double precision,
  latency_avg_ms    double precision,
  latency_median_ms double precision,
  latency_p95_ms    double precision,
  latency_max_ms    double precision,
  loss_pct          double precision NOT NULL,
  availability_pct  double precision NOT NULL,
  coverage_pct      double precision NOT NULL,
  series_id         integer NOT NULL,
  samples           integer NOT NULL,
  answered          integer NOT NULL,
  PRIMARY KEY (series_id, bucket)
);
COMMENT ON TABLE rollup_hourly IS 'derived: one UTC hour of one series; answered counts samples with a latency';
CREATE INDEX rollup_hourly_bucket ON rollup_hourly (bucket);

CREATE TABLE rollup_daily (LIKE rollup_hourly INCLUDING ALL);
COMMENT ON TABLE rollup_daily IS 'derived: one UTC day of one series; answered counts samples with a latency';

-- Buckets to compute (again). A writer that stores a sample of a closed hour raises marks in its
-- own transaction, so that the row lock keeps the computation from missing it.
CREATE TABLE rollup_due (
  width  text NOT NULL CHECK (width IN ('hourly', 'daily')),
  bucket timestamptz NOT NULL,
  marks  bigint NOT NULL DEFAULT 1,
  PRIMARY KEY (width, bucket)
);
COMMENT ON TABLE rollup_due IS 'derived: buckets waiting to be computed';
-- down
DROP TABLE rollup_due;
DROP TABLE rollup_daily;
DROP TABLE rollup_hourly;
