import { z } from "zod";
import { portVariable } from "#runtime";

const list = z
  .string()
  .transform((text) =>
    text
      .split(",")
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ""),
  )
  .pipe(z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])));

/**
 * The dashboard server's environment.
 * `FIBER_DASHBOARD_PORT` 0 lets the system choose; `FIBER_API_URL` is where `/api/*` goes;
 * `FIBER_AGENT_SOCKET` is where releases, runs and readiness are asked (default: at the API);
 * `FIBER_TRUSTED_PROXIES` lists addresses whose `X-Forwarded-For` counts (default: none).
 */
export const dashboardConfigSchema = z.object({
  FIBER_DASHBOARD_PORT: portVariable.default(4000),
  FIBER_DASHBOARD_HOST: z.string().min(1).default("127.0.0.1"),
  FIBER_API_URL: z
    .url({ protocol: /^https?$/, error: "must be a URL such as http://127.0.0.1:8000" })
    .default("http://127.0.0.1:8000"),
  FIBER_AGENT_SOCKET: z.string().min(1).optional(),
  FIBER_TRUSTED_PROXIES: list.default([]),
});

/** See {@link dashboardConfigSchema}. */
export type DashboardConfig = z.output<typeof dashboardConfigSchema>;
