-- kind: reversible: windows are copied again from the state folder
-- up
CREATE TABLE maintenance_windows (
  window_id text PRIMARY KEY,
  reason    text NOT NULL,
  opened_by text NOT NULL,
  opened_at timestamptz NOT NULL,
  ends_by   timestamptz NOT NULL CHECK (ends_by > opened_at),
  closed_at timestamptz
);
COMMENT ON TABLE maintenance_windows IS 'derived: planned work, as the state folder has it; measuring goes on meanwhile';
CREATE INDEX maintenance_windows_time ON maintenance_windows (opened_at);
-- down
DROP TABLE maintenance_windows;
