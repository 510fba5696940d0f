/** How long samples and rollups are kept, in days. Older samples are refused. */
export const RETENTION_DAYS = { raw: 7, hourly: 90, daily: 365 } as const;
