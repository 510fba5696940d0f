import { isIP } from "node:net";
import { z } from "zod";
import { anonymousPolicy, isLoopbackHost, nodeIdSchema } from "#contracts";
import { isTokenText } from "#db";
import { portVariable } from "#runtime";

const LOOPBACK = ["127.0.0.1", "::1"] as const;
const perMinute = z.coerce.number().int().min(0).max(100_000_000);

/**
 * What the API reads from the environment. Rates are requests a minute, 0 for no limit.
 * See docs/api.md, "Configuration".
 */
export const apiConfigSchema = z
  .object({
    FIBER_ENV: z.enum(["development", "test", "production"]).default("development"),
    FIBER_API_PORT: portVariable.default(8000),
    FIBER_API_HOST: z.string().default("127.0.0.1"),
    FIBER_DASHBOARD_HOST: z.string().default("127.0.0.1"),
    FIBER_DATABASE_URL: z.string().min(1),
    FIBER_ANONYMOUS_ROLE: z.enum(["none", "viewer"]).optional(),
    FIBER_TRUSTED_PROXIES: z
      .string()
      .refine((list) => splitList(list).every(isAddressOrRange), {
        message: "must be addresses or ranges like 10.0.0.0/8, separated by commas",
      })
      .optional(),
    FIBER_RELEASE: z.string().default("dev"),
    FIBER_AGENT_SOCKET: z.string().min(1).optional(),
    FIBER_SCHEMA_COMPATIBLE: z.string().default(""),
    FIBER_MIGRATE_AT_START: z.stringbool().default(false),
    FIBER_PROBE_TOKENS: z
      .string()
      .refine((list) => splitList(list).every((entry) => readProbeToken(entry) !== null), {
        message: "must be node=fbr_… pairs, separated by commas",
      })
      .default(""),
    FIBER_PUSH_PER_MIN: perMinute.default(100),
    FIBER_READS_PER_MIN: perMinute.default(200),
    FIBER_FAILED_LOGINS_PER_MIN: perMinute.default(60),
  })
  .superRefine((env, context) => {
    const weak = env.FIBER_ENV === "production" ? findWeakPassword(env.FIBER_DATABASE_URL) : null;
    if (weak !== null) {
      context.addIssue({ code: "custom", path: ["FIBER_DATABASE_URL"], message: weak });
    }
    if (env.FIBER_ENV === "production" && env.FIBER_PROBE_TOKENS !== "") {
      const message = "is for development: in production each probe gets fiber token issue";
      context.addIssue({ code: "custom", path: ["FIBER_PROBE_TOKENS"], message });
    }
  })
  .transform((env) => ({
    port: env.FIBER_API_PORT,
    host: env.FIBER_API_HOST,
    databaseUrl: env.FIBER_DATABASE_URL,
    release: env.FIBER_RELEASE,
    /** Newer revisions of the schema that a gate proved this release to work with. */
    schemaCompatible: splitList(env.FIBER_SCHEMA_COMPATIBLE),
    /** Bring the schema up at the start, unless a downgrade is held. */
    migrateAtStart: env.FIBER_MIGRATE_AT_START,
    /** Probes' tokens that the database is made to know. */
    probeTokens: splitList(env.FIBER_PROBE_TOKENS).flatMap((entry) => readProbeToken(entry) ?? []),
    anonymous: anonymousPolicy(env.FIBER_ANONYMOUS_ROLE, [
      env.FIBER_API_HOST,
      env.FIBER_DASHBOARD_HOST,
    ]),
    agentSocket: env.FIBER_AGENT_SOCKET ?? null,
    trustedProxies: trustedProxies(env.FIBER_TRUSTED_PROXIES, env.FIBER_API_HOST),
    pushPerMin: env.FIBER_PUSH_PER_MIN,
    readsPerMin: env.FIBER_READS_PER_MIN,
    failedLoginsPerMin: env.FIBER_FAILED_LOGINS_PER_MIN,
  }));

/** See {@link apiConfigSchema}. */
export type ApiConfig = z.output<typeof apiConfigSchema>;

function trustedProxies(list: string | undefined, apiHost: string): readonly string[] {
  if (list === undefined) return isLoopbackHost(apiHost) ? LOOPBACK : [];
  return splitList(list);
}

function readProbeToken(entry: string): { nodeId: string; token: string } | null {
  const [nodeId = "", token = "", ...more] = entry.split("=");
  const usable = nodeIdSchema.safeParse(nodeId).success && isTokenText(token) && more.length === 0;
  return usable ? { nodeId, token } : null;
}

function splitList(list: string): readonly string[] {
  return list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function isAddressOrRange(entry: string): boolean {
  const [address = "", bits] = entry.split("/");
  const version = isIP(address);
  return (
    version !== 0 &&
    (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
  );
}

const EXAMPLE_SECRETS = /change.?me|example|secret|password|postgres|default|admin/i;

/** In production a password must be 32 bytes or more and not an example; its value is never told. */
function findWeakPassword(databaseUrl: string): string | null {
  let password: string;
  try {
    password = decodeURIComponent(new URL(databaseUrl).password);
  } catch {
    return "is not a URL like postgres://user:password@host:5432/fiberstack";
  }
  // Without a password in the URL it comes from PGPASSFILE, or the server asks for none.
  if (password === "") return null;
  if (Buffer.byteLength(password) < 32) {
    return "holds a password shorter than 32 bytes; FIBER_ENV=production wants a longer one";
  }
  return EXAMPLE_SECRETS.test(password)
    ? "holds a password that looks like an example; FIBER_ENV=production wants a random one"
    : null;
}
