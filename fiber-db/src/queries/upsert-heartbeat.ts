import type { Heartbeat } from "#contracts";
import type { Db } from "../pool.js";

/** What a heartbeat did. `changed` says whether anything that is shown changed. */
export type HeartbeatOutcome =
  | { readonly kind: "stored"; readonly changed: boolean }
  | { readonly kind: "node-deleted" };

/**
 * Stores what a probe says of itself, making its node and series where they are new. A probe is
 * the authority on its own place, interval and targets' thresholds. Runs in the caller's
 * transaction.
 */
export async function upsertHeartbeat(db: Db, beat: Heartbeat): Promise<HeartbeatOutcome> {
  const { rows } = await db.query<{ changed: boolean }>(
    `WITH old AS (SELECT * FROM nodes WHERE node_id = $1)
     INSERT INTO nodes AS n (node_id, country, region, latitude, longitude, interval_ms, version,
                             demo, uplink, unable, heartbeat_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, now())
     ON CONFLICT (node_id) DO UPDATE SET
       country = excluded.country, region = excluded.region,
       latitude = coalesce(excluded.latitude, n.latitude),
       longitude = coalesce(excluded.longitude, n.longitude),
       interval_ms = excluded.interval_ms, version = excluded.version, demo = excluded.demo,
       uplink = excluded.uplink, unable = excluded.unable, heartbeat_at = now()
     WHERE n.deleted_at IS NULL
     RETURNING NOT EXISTS (SELECT 1 FROM old o WHERE
       (o.country, o.region, o.interval_ms, o.demo, o.uplink, o.unable)
         = (n.country, n.region, n.interval_ms, n.demo, n.uplink, n.unable)
       AND o.latitude IS NOT DISTINCT FROM n.latitude
       AND o.longitude IS NOT DISTINCT FROM n.longitude
       AND o.version IS NOT DISTINCT FROM n.version) AS changed`,
    [
      beat.node_id,
      beat.country,
      beat.region,
      beat.coordinates?.[0] ?? null,
      beat.coordinates?.[1] ?? null,
      beat.interval_ms,
      beat.version,
      beat.demo,
      beat.uplink,
      JSON.stringify(beat.unable),
    ],
  );
  if (rows[0] === undefined) return { kind: "node-deleted" };
  await storeTargets(db, beat);
  return { kind: "stored", changed: rows[0].changed };
}

async function storeTargets(db: Db, beat: Heartbeat): Promise<void> {
  if (beat.targets.length === 0) return;
  const told = [
    beat.node_id,
    beat.targets.map((t) => t.target),
    beat.targets.map((t) => t.check),
    beat.targets.map((t) => JSON.stringify(t.thresholds ?? {})),
  ];
  await db.query(
    `UPDATE series s SET thresholds = t.thresholds::jsonb
     FROM unnest($2::text[], $3::text[], $4::text[]) AS t (target, check_type, thresholds)
     WHERE s.node_id = $1 AND s.target = t.target AND s.check_type = t.check_type
       AND s.thresholds <> t.thresholds::jsonb`,
    told,
  );
  // The anti-join first: ON CONFLICT alone would burn a series id for every known target.
  await db.query(
    `INSERT INTO series (node_id, target, check_type, thresholds)
     SELECT DISTINCT ON (t.target, t.check_type) $1, t.target, t.check_type, t.thresholds::jsonb
     FROM unnest($2::text[], $3::text[], $4::text[]) AS t (target, check_type, thresholds)
     WHERE NOT EXISTS (SELECT 1 FROM series s WHERE s.node_id = $1 AND s.target = t.target
                       AND s.check_type = t.check_type)
     ON CONFLICT DO NOTHING`,
    told,
  );
}
