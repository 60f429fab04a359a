// What a principal without rights may send, kind by kind, to cost the isolate as much as it can.
import { setTimeout as delay } from "node:timers/promises";
import type { TlsDuplex } from "../../host/session-manager/tls-duplex.js";
import { encodeMessage, frame, type Message } from "../../host/transport-protocol/index.js";
import { fractions } from "../support/random.js";

const zeros = (length: number) => new Uint8Array(length);
const whole = (message: Message) => frame(encodeMessage(message));

/** A random variation of a request: some of its bytes are others. */
function mutated(random: () => number): Buffer {
  const bytes = Buffer.from(
    encodeMessage({ type: "data", fileName: "input-0", offset: 0, total: 64, bytes: zeros(64) }),
  );
  for (let turn = 0; turn < 3; turn++) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return frame(bytes);
}

/** Sends one message of a kind; `turn` counts them. */
type Sending = (stream: TlsDuplex, turn: number, random: () => number) => unknown;

const request = (message: Message): Sending => {
  const bytes = whole(message);
  return (stream) => stream.write(bytes);
};

/** Every kind of message that a fuzzer tries, by name. */
export const floods: Readonly<Record<string, Sending>> = {
  // One byte of a frame in between, or the session would end after 32 of them.
  "key updates": (stream, turn) =>
    turn % 32 === 31 ? stream.write(zeros(1)) : stream.updateKeys(),
  "single bytes": (stream) => stream.write(zeros(1)),
  "policy hashes": request({ type: "requestPolicyHash" }),
  states: request({ type: "requestState" }),
  "program hashes": request({ type: "requestPiHash", fileName: "nop.wasm" }),
  results: request({
    type: "requestResult",
    ...{ round: 0, programName: "", fileName: "output", offset: 0, length: 16_384 },
  }),
  "large files": request({
    type: "data",
    ...{ fileName: "input-0", offset: 0, total: 16_000, bytes: zeros(16_000) },
  }),
  commits: request({ type: "commit" }),
  freshness: request({ type: "requestFreshness", nonce: zeros(32) }),
  mutations: (stream, _turn, random) => stream.write(mutated(random)),
  "random frames": (stream, _turn, random) =>
    stream.write(frame(Buffer.from(Array.from({ length: 40 }, () => Math.floor(random() * 256))))),
};

/**
 * Sends so many messages of a kind over sessions that are opened anew whenever one ends, until `until` (a time of
 * `performance.now()`).
 *
 * @returns how many were handed to open sessions, and how many sessions that took
 */
export async function flood(
  open: () => Promise<TlsDuplex>,
  kind: string,
  count: number,
  until: number,
): Promise<{ sent: number; sessions: number }> {
  const random = fractions(12);
  const send = floods[kind] as Sending;
  let [sent, sessions] = [0, 0];
  while (sent < count && performance.now() < until) {
    const stream = await open().catch(() => undefined);
    if (stream === undefined) {
      await delay(50);
      continue;
    }
    sessions++;
    while (sent < count && !stream.destroyed && !stream.session.ended) {
      send(stream, sent++, random);
      // The other side reads at its own pace.
      if (sent % 16 === 0) await delay(0);
      while (stream.writableLength > 65_536 && !stream.destroyed && performance.now() < until) {
        await delay(1);
      }
      if (performance.now() >= until) break;
    }
    stream.destroy();
  }
  return { sent, sessions };
}
