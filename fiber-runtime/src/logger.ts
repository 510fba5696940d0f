import { destination, type Logger, pino } from "pino";

export type { Logger } from "pino";

/** Levels accepted by FIBER_LOG_LEVEL. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/**
 * A JSON logger on stderr (stdout belongs to results), or into a file.
 * Authorization headers, tokens and passwords are redacted wherever they appear one level deep.
 */
export function createLogger(options: {
  role: string;
  level: (typeof LOG_LEVELS)[number];
  /** Append to this file instead. */
  file?: string;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { role: options.role, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ["authorization", "token", "password", "*.authorization", "*.token", "*.password"],
    },
    destination({ dest: options.file ?? 2, append: true, mkdir: true, sync: true }),
  );
}
