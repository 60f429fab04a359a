// Who may be the Veracruz server of a board: whoever has the key that its operator has provisioned, over each link.
import { createPublicKey, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { proveControlKey } from "../../host/isolate/control-key.js";
import { provisionBoard } from "../../host/mcu/board-state.js";
import { EmulatedIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { RunningBoard } from "../../host/mcu/emulator.js";
import { SerialLink } from "../../host/mcu/serial-link.js";
import { type EmulatedBoard, missingTools } from "../../host/mcu/toolchain.js";
import { enrolmentNonce } from "../../host/psa-attestation/nonces.js";
import { verifyToken } from "../../host/psa-attestation/verifier.js";
import {
  decodeMessage,
  encodeMessage,
  FrameReader,
  frame,
} from "../../host/transport-protocol/index.js";
import { BoardLink } from "../../host/update/link.js";
import { skip } from "../support/shared.js";

const health = frame(encodeMessage({ type: "health", id: 7 }));

async function opened(isolate: EmulatedIsolate, over: "tcp" | "serial"): Promise<Duplex> {
  const stream =
    over === "tcp"
      ? connect({ ...isolate.address, noDelay: true })
      : new SerialLink(connect(isolate.board.serialSocket));
  stream.on("error", () => undefined);
  await once(stream, "connect");
  return stream;
}

/** What a peer hears until its connection ends. */
async function heardBy(stream: Duplex, words: Uint8Array | undefined): Promise<number> {
  let heard = 0;
  stream.on("data", (chunk: Buffer) => {
    heard += chunk.length;
  });
  if (words !== undefined) stream.write(words);
  await once(stream, "close");
  return heard;
}

function askHealth(stream: Duplex): Promise<string> {
  const reader = new FrameReader(4096);
  return new Promise((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => {
      const [bytes] = reader.push(chunk);
      if (bytes !== undefined) resolve(decodeMessage("isolateAnswer", bytes).type);
    });
    stream.once("close", () => reject(new Error("the board ended the connection")));
    stream.write(health);
  });
}

const boards: readonly (readonly [EmulatedBoard, "tcp" | "serial"])[] = [
  ["mps2-an505", "tcp"],
  ["mps2-an505", "serial"],
  ["mps2-an385", "tcp"],
];

const reason = missingTools();
if (reason !== undefined) skip(boards.length + 1, reason);
else {
  for (const [board, over] of boards)
    test(`${board}, ${over}: a board takes the server that has its control key, and no other`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "mcu-control-"));
      const key = randomBytes(32);
      const controlKeyFile = join(folder, "key");
      writeFileSync(controlKeyFile, key.toString("hex"), { mode: 0o600 });
      const state = join(folder, "secret");
      const options = { board, runtimeHost: "c", state, controlKeyFile } as const;
      const isolate = await EmulatedIsolate.start(options);
      try {
        // Frames as a server sends them, a proof of nothing, and no word at all.
        for (const words of [health, randomBytes(32), undefined]) {
          const heard = await heardBy(await opened(isolate, over), words);
          assert.is(heard, 32, "the challenge, and nothing else");
        }
        const stranger = await opened(isolate, over);
        await proveControlKey(stranger, randomBytes(32));
        await once(stranger, "close");
        const server = await opened(isolate, over);
        await proveControlKey(server, key);
        assert.is(await askHealth(server), "healthIs");
        // What vc-mcu prove asks for.
        const challenge = randomBytes(32);
        const token = await new BoardLink(server).prove(challenge);
        const { publicKey, instanceId } = isolate.identity;
        const nonce = enrolmentNonce(challenge, Buffer.from(publicKey, "hex"));
        const verdict = verifyToken(token, createPublicKey(isolate.enrolment().publicKey), {
          nonce,
          instanceId: Buffer.from(instanceId, "hex"),
          allowDevelopment: true,
        });
        assert.ok(verdict.ok, JSON.stringify(verdict));
      } finally {
        await isolate.close();
        rmSync(folder, { recursive: true });
      }
    });

  test("a board without a control key takes no server", async () => {
    const board = "mps2-an505";
    const folder = mkdtempSync(join(tmpdir(), "mcu-control-"));
    const { boot, main, outside = "" } = isolateImages(board, "c");
    const files = { board, image: boot, main, outside } as const;
    const state = join(folder, "secret");
    provisionBoard(state);
    const running = await RunningBoard.start({ ...files, state });
    try {
      await running.line(/^no control key is provisioned: no server is taken$/);
      await running.line(/^isolate on mps2-an505: no link$/);
    } finally {
      await running.close();
      rmSync(folder, { recursive: true });
    }
  });
}
test.run();
