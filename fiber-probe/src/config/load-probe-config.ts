import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { FiberError } from "#contracts";
import { buildConfig, type ProbeConfig } from "./build-config.js";
import { describeIssues } from "./describe-issues.js";
import { parseYaml, type SourceDocument } from "./parse-yaml.js";
import { probeConfigSchema, type TargetInput } from "./schema.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** A probe.yaml is never larger: 10,000 targets take about a megabyte. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads probe.yaml and what the environment overrides in it (docs/probe.md). All problems are
 * reported together, each with its line where it has one. Relative spool paths start at the
 * file's folder.
 *
 * @throws FiberError CONFIG_INVALID
 */
export function loadProbeConfig(path: string, env: Environment = process.env): ProbeConfig {
  const file = resolve(path);
  const source = readDocument(file);
  const overridden = applyOverrides(source.value, env);
  const result = probeConfigSchema.safeParse(overridden);
  if (!result.success) {
    throw invalid(file, describeIssues(result.error.issues, source));
  }
  const { config, problems } = buildConfig(result.data, { path: file, env });
  if (problems.length > 0) {
    throw invalid(
      file,
      problems.map(({ path: at, message }) => source.locate(at, message)),
    );
  }
  return config;
}

/**
 * Reads only `targets` of a probe.yaml, as written; the rest of the file may be missing.
 *
 * @throws FiberError CONFIG_INVALID
 */
export function readTargets(path: string): readonly TargetInput[] {
  const file = resolve(path);
  const source = readDocument(file);
  const value = source.value as { readonly targets?: unknown } | null;
  const wrapped = targetsOnly.safeParse({ targets: value?.targets });
  if (!wrapped.success) throw invalid(file, describeIssues(wrapped.error.issues, source));
  return (value?.targets ?? []) as readonly TargetInput[];
}

const targetsOnly = probeConfigSchema.pick({ targets: true });

function readDocument(file: string): SourceDocument {
  const bytes = readBytes(file);
  const source = parseYaml(bytes);
  if (source.kind === "invalid") throw invalid(file, source.problems);
  return source;
}

function readBytes(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES) {
      throw invalid(file, [`the file has ${size} bytes; at most ${MAX_FILE_BYTES} are read`]);
    }
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof FiberError) throw cause;
    throw new FiberError(
      "CONFIG_INVALID",
      `${file} cannot be read: ${(cause as Error).message}. Point FIBER_PROBE_CONFIG at a probe.yaml.`,
      { cause },
    );
  }
}

/** Overrides by variable: what a container's environment sets without a file of its own. */
function applyOverrides(value: unknown, env: Environment): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const document: Record<string, unknown> = { ...value };
  const set = (variable: string, apply: (text: string) => void) => {
    const text = env[variable]?.trim();
    if (text) apply(text);
  };
  set("FIBER_PROBE_NODE_ID", (text) => {
    document.node_id = text;
  });
  set("FIBER_PROBE_COUNTRY", (text) => {
    document.country = text;
  });
  set("FIBER_PROBE_REGION", (text) => {
    document.region = text;
  });
  set("FIBER_PROBE_INTERVAL", (text) => {
    document.interval = text;
  });
  set("FIBER_PROBE_UPLINKS", (text) => {
    document.uplinks = text
      .split(",")
      .map((url) => ({ url: url.trim(), token_env: "FIBER_PROBE_TOKEN" }));
  });
  set("FIBER_PROBE_SPOOL", (text) => {
    const spool = typeof document.spool === "object" ? document.spool : {};
    document.spool = { ...spool, path: text };
  });
  return document;
}

function invalid(file: string, problems: readonly string[]): FiberError {
  return new FiberError(
    "CONFIG_INVALID",
    `${file} is not usable:\n${problems.map((problem) => `  ${problem}`).join("\n")}\nMend it and start or reload again.`,
  );
}
