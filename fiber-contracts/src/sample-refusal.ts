import type { Sample } from "./sample.js";

/** Why a sample was refused. */
export interface SampleRefusal {
  readonly code:
    | "INVALID_SAMPLE"
    | "TIMESTAMP_TOO_NEW"
    | "TIMESTAMP_TOO_OLD"
    | "METADATA_TOO_LARGE"
    | "NESTING_TOO_DEEP";
  readonly message: string;
}

/** Tells a refusal from a sample. */
export function isRefusal(result: Sample | SampleRefusal): result is SampleRefusal {
  return "code" in result;
}
