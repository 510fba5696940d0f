import { FiberError } from "#contracts";

/**
 * Settings for a small machine that must not lose what it acknowledged. `ALTER SYSTEM` and the
 * `settings` of {@link startEmbeddedPostgres} win over them.
 */
export const DEFAULT_SETTINGS: Readonly<Record<string, string>> = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_connections: "100",
  shared_buffers: "128MB",
  effective_cache_size: "512MB",
  work_mem: "8MB",
  maintenance_work_mem: "64MB",
  wal_compression: "on",
  min_wal_size: "128MB",
  max_wal_size: "1GB",
  checkpoint_timeout: "10min",
  random_page_cost: "1.1",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "%m [%p] %q%a@%d ",
  log_lock_waits: "on",
  // Clients report their own errors; a replay's duplicate keys would fill the disk.
  log_min_messages: "log",
};

/**
 * The text of a configuration file; values are quoted.
 *
 * @throws FiberError CONFIG_INVALID for a name or a value that would break out of its line
 */
export function settingsFile(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([name, value]) => {
    if (!/^[a-z][a-z0-9_.]*$/.test(name) || /[\n\r\0]/.test(value)) {
      throw new FiberError("CONFIG_INVALID", `"${name}" is not a usable PostgreSQL setting.`);
    }
    return `${name} = '${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
  });
  return `# Written at every start; change settings with ALTER SYSTEM.\n${lines.join("\n")}\n`;
}
