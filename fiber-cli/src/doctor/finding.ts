/** One thing that was looked at: `blocking` keeps the stack from running, `warning` costs a part. */
export interface Finding {
  readonly what: string;
  readonly level: "ok" | "warning" | "blocking";
  readonly found: string;
  /** What to do about it: a command where there is one. */
  readonly remedy: string | null;
}

/** Something that is as it should be. */
export function ok(what: string, found: string): Finding {
  return { what, level: "ok", found, remedy: null };
}

/** Something that costs a part of the product. */
export function warning(what: string, found: string, remedy: string): Finding {
  return { what, level: "warning", found, remedy };
}

/** Something without which the stack does not run. */
export function blocking(what: string, found: string, remedy: string): Finding {
  return { what, level: "blocking", found, remedy };
}
