import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./api-error.js";

const MOST_RETRIES = 3;
const LONGEST_WAIT_MS = 30_000;

/** The cache of what was read. Retries what can pass by itself, and keeps to Retry-After. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        networkMode: "always",
        retry: (failures, error) => failures < MOST_RETRIES && mayPass(error),
        retryDelay: (failures, error) =>
          Math.max(
            (error instanceof ApiError ? (error.retryAfterS ?? 0) : 0) * 1_000,
            Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** failures),
          ),
      },
    },
  });
}

function mayPass(error: Error): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 0 || error.status === 429 || error.status >= 500;
}
