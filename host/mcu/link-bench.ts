import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { FrameReader, frame } from "../transport-protocol/frames.js";
import { RunningBoard } from "./emulator.js";
import { SerialLink } from "./serial-link.js";
import { type EmulatedBoard, make, mcuBuildFolder } from "./toolchain.js";

/** Largest message that the echo image takes. */
const MESSAGE_MAX = 24572;
const ROUND_TRIPS = 200;
const BULK_BYTES = { tcp: 16 << 20, serial: 128 << 10 } as const;
const BULK_MESSAGE = 16384;

/** What a link carries. */
export interface LinkFigures {
  /** Median of 64-byte messages sent and answered one at a time. */
  readonly roundTripMs: number;
  /** Bytes a second of messages of 16 KiB that the board takes while it sends them back. */
  readonly toBoard: number;
  readonly fromBoard: number;
}

/** Measures a link on an emulated board that sends every message back. */
export async function measureLink(
  board: EmulatedBoard,
  link: "tcp" | "serial",
): Promise<LinkFigures> {
  await make({ BOARD: board, IMAGE: "echo" });
  const image = join(mcuBuildFolder, board, "echo", "echo.elf");
  const running = await RunningBoard.start({ board, image });
  try {
    await running.line(/^network: /);
    const socket =
      link === "tcp"
        ? connect({ host: running.host, port: running.port })
        : connect({ path: running.serialSocket });
    await once(socket, "connect");
    socket.setNoDelay(true);
    const stream = link === "tcp" ? socket : new SerialLink(socket);
    const figures = await measure(stream, BULK_BYTES[link]);
    stream.destroy();
    await once(stream, "close");
    return figures;
  } finally {
    await running.close();
  }
}

async function measure(stream: Duplex, bulkBytes: number): Promise<LinkFigures> {
  const reader = new FrameReader(MESSAGE_MAX);
  let received = 0;
  let wake = () => {};
  stream.on("data", (chunk: Buffer) => {
    for (const message of reader.push(chunk)) received += message.length;
    wake();
  });
  const until = async (bytes: number) => {
    while (received < bytes) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };

  const times: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const start = performance.now();
    const wanted = received + 64;
    stream.write(frame(Buffer.alloc(64, i)));
    await until(wanted);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);

  const message = frame(Buffer.alloc(BULK_MESSAGE, 1));
  const start = performance.now();
  const wanted = received + bulkBytes;
  let sentAll = start;
  for (let sent = 0; sent < bulkBytes; sent += BULK_MESSAGE) {
    if (!stream.write(message)) await once(stream, "drain");
    sentAll = performance.now();
  }
  await until(wanted);
  const end = performance.now();
  return {
    roundTripMs: times[ROUND_TRIPS >> 1] ?? 0,
    toBoard: (bulkBytes / (sentAll - start)) * 1000,
    fromBoard: (bulkBytes / (end - start)) * 1000,
  };
}
