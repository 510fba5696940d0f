import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { Decrypter, Encrypter } from "age-encryption";
import { FiberError } from "#contracts";

/**
 * A checked age recipient ("age1…", the public half of a key pair).
 *
 * @throws FiberError USAGE
 */
export function ageEncrypter(recipient: string): Encrypter {
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
    return encrypter;
  } catch (cause) {
    throw new FiberError(
      "USAGE",
      `"${recipient}" is not an age recipient (${(cause as Error).message}). A recipient begins ` +
        "with age1 and is printed by age-keygen.",
      { cause },
    );
  }
}

/** The encrypted form of a stream of bytes; an error of the source ends it with that error. */
export async function encryptStream(
  encrypter: Encrypter,
  plain: AsyncIterable<Uint8Array>,
): Promise<Readable> {
  return fromWeb(await encrypter.encrypt(toWeb(plain)));
}

/**
 * The plain form of an encrypted stream.
 *
 * @param identityFile a file as age-keygen writes it
 * @throws FiberError BACKUP_KEY_WRONG when none of its keys fits
 */
export async function decryptStream(
  encrypted: AsyncIterable<Uint8Array>,
  identityFile: string,
): Promise<Readable> {
  const decrypter = new Decrypter();
  const text = await readFile(identityFile, "utf8").catch((cause) => {
    throw keyWrong(identityFile, "it cannot be read", cause);
  });
  const keys = text.match(/^AGE-SECRET-KEY-\S+/gm) ?? [];
  if (keys.length === 0) throw keyWrong(identityFile, "it holds no AGE-SECRET-KEY");
  try {
    for (const key of keys) decrypter.addIdentity(key);
    return fromWeb(await decrypter.decrypt(toWeb(encrypted)));
  } catch (cause) {
    throw keyWrong(identityFile, (cause as Error).message, cause);
  }
}

function keyWrong(file: string, why: string, cause?: unknown): FiberError {
  return new FiberError(
    "BACKUP_KEY_WRONG",
    `The backup could not be decrypted with ${file}: ${why}. Give the identity file of the ` +
      "recipient that the backup was made for: --identity FILE.",
    { cause },
  );
}

// The DOM's and Node's stream types differ in name only.
function toWeb(source: AsyncIterable<Uint8Array>): globalThis.ReadableStream<Uint8Array> {
  return Readable.toWeb(Readable.from(source, { objectMode: false })) as never;
}

function fromWeb(stream: unknown): Readable {
  return Readable.fromWeb(stream as ReadableStream<Uint8Array>);
}
