// What Ethernet carries to the outside of an isolate and back while a program runs inside.
import { once } from "node:events";
import { connect } from "node:net";
import { CliError } from "../../host/common/cli.js";
import type { EmulatedBoard } from "../../host/mcu/toolchain.js";
import { FrameReader, frame } from "../../host/transport-protocol/index.js";
import { mainProgram } from "../execution-engine/programs.js";
import { newPrincipal } from "../runtime-manager/deployment.js";
import { EmulatedDeployment } from "./deployment.js";

/** A message that no peer of an isolate sends, and what is put before it on its way back (mcu-client/images/outside/carry.c). */
const NO_REQUEST = 0xc1;
const HEAD_BYTES = 8;
const MESSAGE_BYTES = 4096;
/** Guest time that is measured, in windows, and before it that is not: TCP gets going. */
const WINDOW_MS = 50;
const WINDOWS = 8;
const BEGIN_MS = 50;

const endless = mainProgram("(loop $l (br $l)) (i32.const 0)");

/**
 * Bytes a millisecond of guest time that come back from a board, in messages of 4 KiB sent as fast as it takes them: of the
 * best window, since what delays the emulator's host between frames is none of the board's doing.
 */
async function measure(address: { host: string; port: number }): Promise<number> {
  const socket = connect(address);
  await once(socket, "connect");
  socket.setNoDelay(true);
  const message = frame(Buffer.alloc(MESSAGE_BYTES, NO_REQUEST));
  const pour = () => {
    while (socket.write(message));
  };
  socket.on("drain", pour);
  const reader = new FrameReader(HEAD_BYTES + MESSAGE_BYTES);
  let begin: number | undefined;
  const windows = new Array<number>(WINDOWS).fill(0);
  try {
    return await new Promise<number>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", () => reject(new CliError("the board has ended the connection", 1)));
      socket.on("data", (chunk: Buffer) => {
        for (const answer of reader.push(chunk)) {
          const clock = answer.readUInt32LE(0);
          if (answer.readUInt32LE(4) === 0) reject(new CliError("the program has ended", 1));
          begin ??= clock + BEGIN_MS;
          if (clock < begin) continue;
          const window = Math.floor((clock - begin) / WINDOW_MS);
          if (window < WINDOWS) windows[window] = (windows[window] ?? 0) + MESSAGE_BYTES;
          else resolve(Math.max(...windows) / WINDOW_MS);
        }
      });
      pour();
    });
  } finally {
    socket.destroy();
  }
}

/**
 * Runs a program without end in an isolate with HOST=c, and measures what Ethernet carries meanwhile.
 *
 * @param paceShift an instruction takes 2 to the power of so many nanoseconds
 * @returns bytes in a million instructions
 */
export async function carriedWhileAProgramRuns(
  board: EmulatedBoard,
  oneWorld: boolean,
  paceShift: number,
): Promise<number> {
  const alice = newPrincipal("alice");
  const deployment = await EmulatedDeployment.start({
    board,
    runtimeHost: "c",
    exact: true,
    paceShift,
    variant: { carry: true, oneWorld },
    identities: [{ certificate: alice, capabilities: "p.wasm:w,output:r" }],
    programs: [{ name: "p.wasm", module: endless, capabilities: "output:w" }],
    policy: { execution_limits: { deadline_ms: 600_000 } },
  });
  try {
    await deployment.begin();
    const session = await deployment.connect(alice);
    await session.send("program", "p.wasm", endless);
    // Nobody waits for it.
    session.read("output").catch(() => {});
    while ((await deployment.client.ask("healthIs", { type: "health" })).running === 0);
    // The board takes one connection at a time.
    deployment.client.close();
    await deployment.client.over;
    return (await measure(deployment.isolate.address)) * 2 ** paceShift;
  } finally {
    await deployment.stop();
  }
}
