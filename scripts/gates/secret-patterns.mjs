/** What a secret looks like; each pattern's first group, or else all of it, is the secret. */
export const PATTERNS = [
  { name: "an AWS access key", regex: /\b((?:AKIA|ASIA)[0-9A-Z]{16})\b/g },
  {
    name: "an AWS secret key",
    regex: /aws_?secret_?access_?key["']?\s*[:=]\s*["']?([A-Za-z0-9/+=]{40})(?![A-Za-z0-9/+=])/gi,
  },
  { name: "a private key", regex: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/g },
  { name: "an age identity", regex: /\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b/g },
  { name: "a FiberStack token", regex: /\bfbr_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g },
  { name: "a GitHub token", regex: /\b(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_\w{60,})\b/g },
  { name: "a GitLab token", regex: /\bglpat-[\w-]{20,}/g },
  { name: "an npm token", regex: /\bnpm_[A-Za-z0-9]{36}\b/g },
  { name: "a Slack token", regex: /\bxox[abeoprs]-[A-Za-z0-9-]{20,}/g },
  {
    name: "a Slack webhook",
    regex: /hooks\.slack\.com\/services\/T[A-Z0-9]{6,}\/B[A-Z0-9]{6,}\/[A-Za-z0-9]{16,}/g,
  },
  { name: "a Google API key", regex: /\bAIza[\w-]{35}(?![\w-])/g },
  { name: "a Stripe key", regex: /\b[rs]k_live_[A-Za-z0-9]{20,}/g },
  { name: "a signed web token", regex: /\beyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{20,}/g },
  {
    name: "a password in an address",
    regex: /\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/"'`]*:([^\s:@/"'`$<{*%]{8,})@[\w[]/gi,
    probable: true,
  },
  {
    name: "a secret in a setting",
    regex:
      /(?:password|passwd|secret|token|api_?key|private_?key)["']?\s*[:=]\s*["']?([A-Za-z0-9+/_-]{20,}={0,2})(?![\w(.[{/-])/gi,
    probable: true,
  },
];

/** Files that hold secrets by their nature. */
export const SECRET_FILES = [
  { name: "an environment file", regex: /(?:^|\/)\.env(?:\.(?!example$|sample$|template$)\w+)?$/ },
  { name: "an SSH key", regex: /(?:^|\/)id_(?:rsa|dsa|ecdsa|ed25519)$/ },
  { name: "a key store", regex: /\.(?:p12|pfx|jks|keystore|kdbx)$/i },
  { name: "a password file", regex: /(?:^|\/)(?:\.?pgpass|\.netrc|\.htpasswd)$/ },
];

/** Below this many bits a character, a text is a word or an identifier rather than a secret. */
const RANDOM_BITS = 3.7;

/** Whether a text looks drawn at random: mixed, and with as much surprise a character. */
export function looksRandom(text) {
  if (!/\d/.test(text) || !/[A-Za-z]/.test(text)) return false;
  const counts = new Map();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) {
    const share = count / text.length;
    bits -= share * Math.log2(share);
  }
  return bits >= RANDOM_BITS;
}
