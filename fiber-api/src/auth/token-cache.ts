import { LRUCache } from "lru-cache";
import { type Db, findToken, type TokenHolder } from "#db";

/** Looks tokens up, remembering answers for a few seconds. */
export interface TokenCache {
  /** The holder where it is remembered, null for a token that nobody holds. */
  peek(token: string): TokenHolder | null | undefined;
  find(token: string): Promise<TokenHolder | null>;
  /** Forgets everything, because the database may be another one. */
  clear(): void;
}

/** How long a revoked token may still work, ms. */
const TTL_MS = 3_000;

/** Concurrent look-ups of one token share one query; failures are not remembered. */
export function createTokenCache(db: Db): TokenCache {
  const known = new LRUCache<string, { holder: TokenHolder | null }>({ max: 10_000, ttl: TTL_MS });
  const asking = new Map<string, Promise<TokenHolder | null>>();

  async function ask(token: string): Promise<TokenHolder | null> {
    try {
      const holder = await findToken(db, token);
      known.set(token, { holder });
      return holder;
    } finally {
      asking.delete(token);
    }
  }

  return {
    peek: (token) => known.get(token)?.holder,
    find: (token) => {
      const remembered = known.get(token);
      if (remembered !== undefined) return Promise.resolve(remembered.holder);
      const running = asking.get(token) ?? ask(token);
      asking.set(token, running);
      return running;
    },
    clear: () => known.clear(),
  };
}
