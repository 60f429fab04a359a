/** Isolates on microcontrollers, as the Veracruz server starts or reaches them. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { IsolateKind, IsolateLog, StartedIsolate } from "../veracruz-server/isolate-kinds.js";
import { buildIsolate, EmulatedIsolate } from "./emulated-isolate.js";
import { endOf } from "./emulator.js";
import { SerialLink } from "./serial-link.js";
import { type EmulatedBoard, type Host, mcuBuildFolder } from "./toolchain.js";

export interface EmulatedKindOptions {
  board: EmulatedBoard;
  runtimeHost: Host;
  /** File that stands for the board's secret storage; default: build/mcu/state/BOARD. */
  state?: string | undefined;
}

/** An emulated board that the server starts itself; it is built first where it is not up to date. */
export function emulatedIsolate({ board, runtimeHost, state }: EmulatedKindOptions): IsolateKind {
  // Once: an isolate that starts again is the one that was there, whatever the sources are by then, and
  // does not wait for somebody else's build.
  let built = false;
  return {
    description: `qemu:${board}, runtime by ${runtimeHost}`,
    mayComeLater: false,
    async start(log) {
      if (!built) await buildIsolate(board, runtimeHost);
      built = true;
      const isolate = await EmulatedIsolate.start({
        board,
        runtimeHost,
        build: false,
        state: state ?? join(mcuBuildFolder, "state", board),
        started: (pid) => log("info", "emulator started", { pid }),
        console: (line) => logLine(log, line),
      }).catch((error: Error) => {
        // The console is in the log already.
        throw new Error(error.message.replace(/:?\n.*/s, ""));
      });
      try {
        const socket = connect({ ...isolate.address, noDelay: true });
        await once(socket, "connect");
        const exited = isolate.board.ended.then(endOf);
        return { stream: socket, exited, stop: () => isolate.close() };
      } catch (error) {
        await isolate.close();
        throw error;
      }
    },
  };
}

function logLine(log: IsolateLog, line: string): void {
  if (line.trim() === "") return;
  log(/^(?:fatal|fault|DEVELOPMENT)/.test(line) ? "warn" : "info", "isolate console", { line });
}

/** Bits a second of a real board's serial link. */
const BAUD = 921_600;

/** A board on a serial device, as `/dev/ttyUSB0`. */
export function serialIsolate(device: string): IsolateKind {
  return {
    description: `serial:${device}`,
    mayComeLater: true,
    async start(): Promise<StartedIsolate> {
      const { status } = spawnSync("stty", ["-F", device, String(BAUD), "raw", "-echo"]);
      if (status !== 0) throw new Error(`cannot open the serial device ${device}`);
      const line = Duplex.from({
        readable: createReadStream(device),
        writable: createWriteStream(device),
      });
      const link = new SerialLink(line);
      try {
        await once(link, "connect");
      } catch (error) {
        link.destroy();
        throw new Error(`${device}: ${(error as Error).message}`);
      }
      return {
        stream: link,
        exited: new Promise(() => {}),
        async stop() {
          link.destroy();
        },
      };
    },
  };
}
