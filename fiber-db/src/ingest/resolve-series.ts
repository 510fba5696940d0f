import type { Db } from "../pool.js";

/** A series by its natural key; country and region are used when its node is new. */
export interface SeriesKey {
  readonly nodeId: string;
  readonly target: string;
  readonly check: string;
  readonly country: string;
  readonly region: string;
}

/** Ids of wanted series, and the nodes among them that are soft-deleted (they get no ids). */
export interface ResolvedSeries {
  readonly series: readonly (Pick<SeriesKey, "nodeId" | "target" | "check"> & {
    readonly seriesId: number;
  })[];
  readonly deletedNodes: readonly string[];
}

interface Row {
  node_id: string;
  target: string;
  check_type: string;
  series_id: number | null;
}

/** Rows are sorted before they are inserted, so that two writers cannot deadlock. */
const RESOLVE = `
  WITH wanted AS (
    SELECT DISTINCT ON (node_id, target, check_type) *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS w (node_id, target, check_type, country, region)
  ), known_nodes AS (
    SELECT node_id, deleted_at IS NOT NULL AS deleted
      FROM nodes WHERE node_id IN (SELECT node_id FROM wanted)
  ), new_nodes AS (
    INSERT INTO nodes (node_id, country, region)
    SELECT DISTINCT ON (node_id) node_id, country, region FROM wanted
     WHERE node_id NOT IN (SELECT node_id FROM known_nodes) ORDER BY node_id
    ON CONFLICT DO NOTHING RETURNING node_id
  ), live_nodes AS (
    SELECT node_id FROM known_nodes WHERE NOT deleted UNION ALL SELECT node_id FROM new_nodes
  ), known_series AS (
    SELECT s.node_id, s.target, s.check_type, s.series_id
      FROM wanted JOIN live_nodes USING (node_id)
      JOIN series s USING (node_id, target, check_type)
  ), new_series AS (
    INSERT INTO series (node_id, target, check_type)
    SELECT node_id, target, check_type FROM wanted JOIN live_nodes USING (node_id)
    EXCEPT SELECT node_id, target, check_type FROM known_series
     ORDER BY node_id, target, check_type
    ON CONFLICT DO NOTHING RETURNING node_id, target, check_type, series_id
  )
  SELECT * FROM known_series
  UNION ALL SELECT * FROM new_series
  UNION ALL SELECT node_id, '', '', NULL FROM known_nodes WHERE deleted`;

/**
 * Finds the ids of series, making nodes and series that are new, in one round trip. A key that
 * another writer is inserting at this moment can be missing from the answer: ask again for it.
 * Soft-deleted nodes are reported, never revived.
 */
export async function resolveSeries(db: Db, keys: readonly SeriesKey[]): Promise<ResolvedSeries> {
  const { rows } = await db.query<Row>({ name: "fiber_resolve_series", text: RESOLVE }, [
    keys.map((key) => key.nodeId),
    keys.map((key) => key.target),
    keys.map((key) => key.check),
    keys.map((key) => key.country),
    keys.map((key) => key.region),
  ]);
  return {
    deletedNodes: rows.flatMap((row) => (row.series_id === null ? [row.node_id] : [])),
    series: rows.flatMap(({ node_id, target, check_type, series_id }) =>
      series_id === null
        ? []
        : [{ nodeId: node_id, target, check: check_type, seriesId: series_id }],
    ),
  };
}
