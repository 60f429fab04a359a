import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RunningBoard } from "../../host/mcu/emulator.js";
import { cobsDecode, cobsEncode, SerialLink } from "../../host/mcu/serial-link.js";
import {
  type EmulatedBoard,
  emulatedBoards,
  make,
  mcuBuildFolder,
  missingTools,
} from "../../host/mcu/toolchain.js";
import { FrameReader, frame } from "../../host/transport-protocol/frames.js";
import { skip } from "../support/shared.js";
import { noisy } from "./noisy-line.js";

/** Largest message that the echo image takes (`mcu-client/images/echo/image.mk`). */
const MESSAGE_MAX = 24576 - 4;

async function startEcho(board: EmulatedBoard): Promise<RunningBoard> {
  await make({ BOARD: board, IMAGE: "echo" });
  const image = join(mcuBuildFolder, board, "echo", "echo.elf");
  const running = await RunningBoard.start({ board, image });
  await running.line(/^network: /).catch(async (error) => {
    await running.close();
    throw error;
  });
  return running;
}

/** Runs `use` on a board that echoes, and ends the board whatever happens. */
async function withEcho(board: EmulatedBoard, use: (board: RunningBoard) => Promise<void>) {
  const running = await startEcho(board);
  try {
    await use(running);
  } finally {
    await running.close();
  }
}

/** Sends messages and resolves with those that come back. */
async function echo(stream: Duplex, messages: readonly Uint8Array[]): Promise<Buffer[]> {
  const reader = new FrameReader(MESSAGE_MAX);
  const answers: Buffer[] = [];
  const received = new Promise<void>((resolve, reject) => {
    stream.on("data", (chunk: Buffer) => {
      answers.push(...reader.push(chunk));
      if (answers.length >= messages.length) resolve();
    });
    stream.once("close", () => reject(new Error(`closed after ${answers.length} answers`)));
    stream.once("error", reject);
  });
  for (const message of messages) stream.write(frame(message));
  await received;
  return answers;
}

async function tcp(board: RunningBoard): Promise<Socket> {
  const socket = connect({ host: board.host, port: board.port });
  await once(socket, "connect");
  return socket;
}

/** A connection that the board takes: until it has heard the end of the one before it turns others away. */
async function takenTcp(board: RunningBoard): Promise<Socket> {
  for (;;) {
    const socket = await tcp(board);
    try {
      await echo(socket, [randomBytes(1)]);
      return socket;
    } catch {
      socket.destroy();
    }
  }
}

/** The raw serial line, once the emulator serves it. */
async function serialLine(board: RunningBoard): Promise<Socket> {
  const socket = connect({ path: board.serialSocket });
  await once(socket, "connect");
  return socket;
}

const sizes = [1, 2, 3, 5, 64, 255, 256, 1459, 1460, 1461, 5840, 16384, MESSAGE_MAX, 7];

test("COBS: any bytes come back, and the encoding has no zero but the last byte", () => {
  for (const length of [0, 1, 2, 253, 254, 255, 256, 508, 509, 1000]) {
    for (const bytes of [randomBytes(length), Buffer.alloc(length), Buffer.alloc(length, 7)]) {
      const encoded = cobsEncode(bytes);
      assert.is(encoded.indexOf(0), encoded.length - 1);
      assert.equal(cobsDecode(encoded.subarray(0, -1)), bytes);
    }
  }
  assert.is(cobsDecode(Buffer.from([3, 1])), undefined);
});

const reason = missingTools();
if (reason) skip(2 + emulatedBoards.length, reason);
else {
  for (const board of emulatedBoards) {
    test(`${board}: messages of every size come back over TCP`, async () => {
      await withEcho(board, async (running) => {
        const socket = await tcp(running);
        const messages = sizes.map((size) => randomBytes(size));
        assert.equal(await echo(socket, messages), messages);
        socket.destroy();
      });
    });
  }

  test("TCP: one connection at a time; what is malformed ends it; the next one works", async () => {
    await withEcho("mps2-an385", async (running) => {
      const first = await tcp(running);
      await echo(first, [randomBytes(10)]);
      // The emulator accepts on the board's behalf; the board then turns the connection away.
      const second = await tcp(running);
      second.on("error", () => {});
      second.resume();
      await once(second, "close");
      const message = randomBytes(3000);
      assert.equal(await echo(first, [message]), [message]);
      first.destroy();

      for (const header of [
        [0, 0, 0, 0],
        [0xff, 0xff, 0xff, 0xff],
        [0, 0, 0x5f, 0xfd],
      ]) {
        const bad = await tcp(running);
        await echo(bad, [randomBytes(100)]);
        bad.on("error", () => {});
        bad.resume();
        bad.write(Buffer.from(header));
        await once(bad, "close");
      }
      // Cut off in the middle of a message.
      const cut = await tcp(running);
      await echo(cut, [randomBytes(1)]);
      cut.write(frame(randomBytes(9000)).subarray(0, 5000));
      cut.destroy();
      const last = await takenTcp(running);
      const messages = [randomBytes(MESSAGE_MAX), randomBytes(1)];
      assert.equal(await echo(last, messages), messages);
      last.destroy();
    });
  });

  test("serial: messages come back over a clean line and over a noisy one; then TCP takes over", async () => {
    await withEcho("mps2-an385", async (running) => {
      const clean = new SerialLink(await serialLine(running));
      const messages = [1, 2, 500, 511, 512, 513, 4096].map((size) => randomBytes(size));
      assert.equal(await echo(clean, messages), messages);
      clean.destroy();
      await once(clean, "close");

      const noisyLink = new SerialLink(noisy(await serialLine(running), 3001));
      const more = [3000, 1, 6000].map((size) => randomBytes(size));
      const answers = await echo(noisyLink, more);
      const hashes = (list: readonly Uint8Array[]) =>
        list.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
      assert.equal(hashes(answers), hashes(more));
      assert.ok(noisyLink.resent > 0, "packets were sent again");
      noisyLink.destroy();
      await once(noisyLink, "close");

      // The noise may have taken the goodbye: one more connection says it clearly. Until it has
      // arrived the board turns TCP away.
      const last = new SerialLink(await serialLine(running));
      await once(last, "connect");
      last.destroy();
      await once(last, "close");
      let answer: Buffer[] = [];
      for (let tries = 0; answer.length === 0 && tries < 200; tries++) {
        const socket = await tcp(running);
        socket.on("error", () => {});
        answer = await echo(socket, more).catch(() => []);
        socket.destroy();
      }
      assert.equal(answer, more);
    });
  });
  test("a port that another program has is said in one line", async () => {
    await withEcho("mps2-an385", async ({ port }) => {
      const image = join(mcuBuildFolder, "mps2-an385", "echo", "echo.elf");
      const second = await RunningBoard.start({ board: "mps2-an385", image, port });
      const failure = await second.line(/^network: /).then(
        () => "started",
        (error: Error) => error.message,
      );
      await second.close();
      assert.match(failure, new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: [^\\n]+$`));
    });
  });
}
test.run();
