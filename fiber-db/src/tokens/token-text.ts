import { createHash, randomBytes } from "node:crypto";

const TOKEN_PATTERN = /^fbr_[A-Za-z0-9_-]{43}$/;

/** A new token's text: `fbr_` and 32 random bytes in base64url. */
export function makeTokenText(): string {
  return `fbr_${randomBytes(32).toString("base64url")}`;
}

/** Whether a text can be one of our tokens at all. */
export function isTokenText(text: string): boolean {
  return TOKEN_PATTERN.test(text);
}

/** What is stored of a token: its SHA-256 (256 random bits need no slow hash). */
export function hashToken(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
