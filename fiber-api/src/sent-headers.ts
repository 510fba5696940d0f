/** Headers of every answer: nothing is guessed from its content, nothing is kept. */
export const ALWAYS_SENT = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
} as const;
