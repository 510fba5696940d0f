import { LRUCache } from "lru-cache";
import { type Db, findTokens, isConnectionError, type TokenHolder } from "#db";

/** Looks tokens up, remembering answers for a few seconds, and for longer without a database. */
export interface TokenCache {
  /** The holder where it is remembered, null for a token that nobody holds. */
  peek(token: string): TokenHolder | null | undefined;
  find(token: string): Promise<TokenHolder | null>;
  /** Forgets everything, because the database may be another one. */
  clear(): void;
}

/** How long a revoked token may still work while the database answers, ms. */
const TTL_MS = 3_000;
/** While the database is away, it is asked this often at most whether it is back. */
const ASK_AGAIN_MS = 1_000;
/** A fleet's tokens; some 300 bytes each. */
const MAX_TOKENS = 100_000;
const TOKENS_A_QUERY = 1_000;

interface Known {
  readonly holder: TokenHolder | null;
  readonly atMs: number;
}

interface Question {
  readonly answer: Promise<TokenHolder | null>;
  readonly resolve: (holder: TokenHolder | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes a {@link TokenCache}. Look-ups of one token share one query, and those that come while a
 * query runs share the next. While the database is away, holders that it once named are taken at
 * its last word: samples can be accepted without it, and nobody can revoke a token meanwhile.
 */
export function createTokenCache(db: Db): TokenCache {
  const known = new LRUCache<string, Known>({ max: MAX_TOKENS });
  const questions = new Map<string, Question>();
  const waiting: string[] = [];
  let running = false;
  let away = false;
  let askedMs = 0;

  function peek(token: string): TokenHolder | null | undefined {
    const found = known.get(token);
    if (found === undefined) return undefined;
    const nowMs = performance.now();
    if (nowMs - found.atMs < TTL_MS) return found.holder;
    if (!away || found.holder === null) return undefined;
    if (nowMs - askedMs > ASK_AGAIN_MS) void ask(token).catch(() => undefined);
    return found.holder;
  }

  function ask(token: string): Promise<TokenHolder | null> {
    const asked = questions.get(token);
    if (asked !== undefined) return asked.answer;
    const question = makeQuestion();
    questions.set(token, question);
    waiting.push(token);
    if (!running) void run();
    return question.answer;
  }

  async function run(): Promise<void> {
    running = true;
    while (waiting.length > 0) {
      const tokens = waiting.splice(0, TOKENS_A_QUERY);
      askedMs = performance.now();
      try {
        const holders = await findTokens(db, tokens);
        away = false;
        for (const token of tokens) answer(token, holders.get(token) ?? null);
      } catch (err) {
        if (isConnectionError(err)) away = true;
        for (const token of tokens) fail(token, err);
      }
    }
    running = false;
  }

  function answer(token: string, holder: TokenHolder | null): void {
    known.set(token, { holder, atMs: performance.now() });
    questions.get(token)?.resolve(holder);
    questions.delete(token);
  }

  function fail(token: string, error: unknown): void {
    const last = away ? known.get(token)?.holder : undefined;
    if (last == null) questions.get(token)?.reject(error);
    else questions.get(token)?.resolve(last);
    questions.delete(token);
  }

  return {
    peek,
    async find(token) {
      const remembered = peek(token);
      return remembered === undefined ? ask(token) : remembered;
    },
    clear: () => known.clear(),
  };
}

function makeQuestion(): Question {
  let resolve: Question["resolve"] = () => undefined;
  let reject: Question["reject"] = () => undefined;
  const answer = new Promise<TokenHolder | null>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { answer, resolve, reject };
}
