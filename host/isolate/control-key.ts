import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import { CliError } from "../common/cli.js";
import { readSecretFile } from "../common/secret-files.js";

/** Length of a control key, of the isolate's challenge and of the proof, in bytes. */
const CONTROL_BYTES = 32;
/** Label of the proof. */
export const CONTROL_LABEL = "veracruz-control-v1";
/** Milliseconds within which the proof must come. */
const DEADLINE_MS = 15_000;

/** What proves to an isolate that its own server has connected. */
function proofOf(key: Uint8Array, challenge: Uint8Array): Buffer {
  return createHmac("sha256", key).update(CONTROL_LABEL).update(challenge).digest();
}

/** A control key from its hexadecimal text; undefined when that is none. */
export function parseControlKey(text: string): Uint8Array | undefined {
  const digits = text.trim();
  const fits = /^[0-9a-f]+$/.test(digits) && digits.length === 2 * CONTROL_BYTES;
  return fits ? Buffer.from(digits, "hex") : undefined;
}

/**
 * The control key in a file of mode 600.
 *
 * @throws CliError
 */
export function readControlKeyFile(file: string): Uint8Array {
  const key = parseControlKey(readSecretFile(file, "control key"));
  if (key !== undefined) return key;
  throw new CliError(`the control key ${JSON.stringify(file)}: expected 64 hexadecimal digits`);
}

/** A new control key, in hexadecimal. */
export const newControlKey = (): string => randomBytes(CONTROL_BYTES).toString("hex");

/** The first bytes of a stream; what comes behind them stays in it. */
function readFirst(stream: Duplex, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = () => done(() => reject(new Error("the other side does not prove the key")));
    const timer = setTimeout(fail, DEADLINE_MS);
    const done = (then: () => void) => {
      clearTimeout(timer);
      stream.off("readable", take).off("close", fail).off("end", fail).off("error", fail);
      then();
    };
    const take = () => {
      const bytes: Buffer | null = stream.read(length);
      if (bytes === null) return;
      if (bytes.length < length) fail();
      else done(() => resolve(bytes));
    };
    stream.on("readable", take).once("close", fail).once("end", fail).once("error", fail);
  });
}

/**
 * The isolate's side: sends a challenge, and takes no other server than the one that has the key.
 *
 * @throws Error when the proof is wrong or does not come
 */
export async function demandControlKey(stream: Duplex, key: Uint8Array): Promise<void> {
  const challenge = randomBytes(CONTROL_BYTES);
  stream.write(challenge);
  const proof = await readFirst(stream, CONTROL_BYTES);
  if (!timingSafeEqual(proof, proofOf(key, challenge))) throw new Error("wrong control key");
}

/** The server's side; ends the stream where it fails. @throws Error when the isolate sends no challenge */
export async function proveControlKey(stream: Duplex, key: Uint8Array): Promise<void> {
  stream.on("error", () => undefined);
  try {
    stream.write(proofOf(key, await readFirst(stream, CONTROL_BYTES)));
  } catch {
    stream.destroy();
    throw new Error("the isolate does not ask for the control key");
  }
}
