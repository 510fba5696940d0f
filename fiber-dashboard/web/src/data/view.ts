import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { CheckType } from "#contracts";
import { isScope, type Scope } from "./window.js";

/** What the chart measures. */
export const TABS = ["latency", "availability", "loss"] as const;

/** One of {@link TABS}. */
export type Tab = (typeof TABS)[number];

/** What the inventory can be sorted by. */
export const SORT_KEYS = [
  "state",
  "probe",
  "region",
  "latency",
  "p50",
  "p95",
  "loss",
  "availability",
  "coverage",
  "targets",
  "seen",
  "release",
] as const;

/** One of {@link SORT_KEYS}. */
export type SortKey = (typeof SORT_KEYS)[number];

/** What is on the screen, as the address says it: whoever opens the address sees the same. */
export interface View {
  readonly scope: Scope;
  readonly region: string | null;
  /** The probe whose panel is open. */
  readonly node: string | null;
  /** The probe that the chart shows, null for the fleet or the region. */
  readonly chart: string | null;
  readonly target: { readonly check: CheckType; readonly target: string } | null;
  readonly tab: Tab;
  readonly sort: SortKey;
  readonly descending: boolean;
  readonly q: string;
}

/** The address's search parameters; what is at its default is left out. */
export interface ViewSearch {
  scope?: Scope;
  region?: string;
  node?: string;
  chart?: string;
  target?: string;
  tab?: Tab;
  sort?: string;
  q?: string;
}

const DEFAULT_SORT = "state";
const CHECKS: Readonly<Record<CheckType, true>> = {
  icmp: true,
  tcp: true,
  http: true,
  dns: true,
  tls: true,
};

/** Keeps what is understood of an address's search; nonsense falls back to the defaults. */
export function readSearch(raw: Readonly<Record<string, unknown>>): ViewSearch {
  const search: ViewSearch = {};
  const word = (name: string): string => {
    const value = raw[name];
    const primitive = ["string", "number", "boolean"].includes(typeof value);
    return primitive ? String(value).slice(0, 300) : "";
  };
  for (const name of ["region", "node", "chart", "q"] as const) {
    const value = word(name);
    if (value !== "") search[name] = value;
  }
  const { scope, tab } = { scope: word("scope"), tab: word("tab") };
  if (isScope(scope) && scope !== "1h") search.scope = scope;
  if (tab !== "latency" && isOneOf(TABS, tab)) search.tab = tab;
  const sort = word("sort");
  if (sort !== DEFAULT_SORT && isOneOf(SORT_KEYS, sort.replace(/^-/, ""))) search.sort = sort;
  if (readTarget(word("target")) !== null) search.target = word("target");
  return search;
}

/** The view that an address's search describes. */
export function viewOf(search: ViewSearch): View {
  const sort = search.sort ?? DEFAULT_SORT;
  const key = sort.replace(/^-/, "");
  return {
    scope: search.scope ?? "1h",
    region: search.region ?? null,
    node: search.node ?? null,
    chart: search.chart ?? null,
    target: readTarget(search.target ?? ""),
    tab: search.tab ?? "latency",
    sort: isOneOf(SORT_KEYS, key) ? key : DEFAULT_SORT,
    descending: sort.startsWith("-"),
    q: search.q ?? "",
  };
}

/** The search of a view: the reverse of {@link viewOf}. */
export function searchOf(view: View): ViewSearch {
  return readSearch({
    scope: view.scope,
    region: view.region ?? "",
    node: view.node ?? "",
    chart: view.chart ?? "",
    target: view.target === null ? "" : `${view.target.check}:${view.target.target}`,
    tab: view.tab,
    sort: `${view.descending ? "-" : ""}${view.sort}`,
    q: view.q,
  });
}

/** The view, and the way to change it: a step in the history unless `replace` is asked for. */
export function useView(): {
  readonly view: View;
  readonly change: (patch: Partial<View>, options?: { replace?: boolean }) => void;
} {
  const raw = useSearch({ strict: false });
  const navigate = useNavigate();
  return useMemo(() => {
    const view = viewOf(readSearch(raw));
    return {
      view,
      change: (patch, options) =>
        void navigate({
          to: ".",
          search: (now: Readonly<Record<string, unknown>>) =>
            searchOf({ ...viewOf(readSearch(now)), ...patch }),
          replace: options?.replace ?? false,
          resetScroll: false,
        }),
    };
  }, [raw, navigate]);
}

function readTarget(text: string): View["target"] {
  const colon = text.indexOf(":");
  const check = text.slice(0, Math.max(0, colon));
  const target = text.slice(colon + 1);
  return isCheck(check) && target !== "" ? { check, target } : null;
}

function isCheck(text: string): text is CheckType {
  return Object.hasOwn(CHECKS, text);
}

function isOneOf<T extends string>(all: readonly T[], text: string): text is T {
  return (all as readonly string[]).includes(text);
}
