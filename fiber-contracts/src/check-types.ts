/** The checks a probe can run against a target. */
export const CHECK_TYPES = ["icmp", "tcp", "http", "dns", "tls"] as const;

/** One of {@link CHECK_TYPES}. */
export type CheckType = (typeof CHECK_TYPES)[number];
