/** Isolates on microcontrollers, as the Veracruz server starts or reaches them. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { IsolateLauncher, IsolateLog, StartedIsolate } from "../common/isolate-launcher.js";
import { newControlKey, proveControlKey } from "../isolate/control-key.js";
import { buildIsolate, EmulatedIsolate } from "./emulated-isolate.js";
import { endOf } from "./emulator.js";
import { SerialLink } from "./serial-link.js";
import { type EmulatedBoard, type Host, mcuBuildFolder } from "./toolchain.js";

/** The board that the server starts, and how the runtime is hosted on it. */
export interface EmulatedIsolateOptions {
  board: EmulatedBoard;
  runtimeHost: Host;
  /** File that stands for the board's secret storage; default: build/mcu/state/BOARD. */
  state?: string | undefined;
}

/** An emulated board that the server starts itself; it is built first if it is not up to date. */
export function emulatedIsolate({
  board,
  runtimeHost,
  state,
}: EmulatedIsolateOptions): IsolateLauncher {
  // Once: an isolate that starts again is the one that was there, whatever the sources are by then, and
  // does not wait for somebody else's build.
  let built = false;
  return {
    description: `qemu:${board}, runtime by ${runtimeHost}`,
    mayComeLater: false,
    async start(log) {
      if (!built) await buildIsolate(board, runtimeHost);
      built = true;
      const control = newControlKeyFile();
      const isolate = await EmulatedIsolate.start({
        board,
        runtimeHost,
        build: false,
        state: state ?? join(mcuBuildFolder, "state", board),
        controlKeyFile: control.path,
        started: (pid) => log("info", "emulator started", { pid }),
        console: (line) => logLine(log, line),
      }).catch((error: Error) => {
        control.remove();
        // The console is in the log already.
        throw new Error(error.message.replace(/:?\n.*/s, ""));
      });
      try {
        const socket = connect({ ...isolate.address, noDelay: true });
        await once(socket, "connect");
        await proveControlKey(socket, control.key);
        const exited = isolate.board.ended.then(endOf);
        isolate.board.ended.finally(control.remove);
        return { stream: socket, exited, stop: () => isolate.close() };
      } catch (error) {
        await isolate.close();
        control.remove();
        throw error;
      }
    },
  };
}

/** A control key of its own for an emulated board, in a file that its emulator reads at each start. */
function newControlKeyFile(): { path: string; key: Uint8Array; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "vc-control-"));
  const path = join(folder, "key");
  const text = newControlKey();
  writeFileSync(path, text, { mode: 0o600 });
  return {
    path,
    key: Buffer.from(text, "hex"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function logLine(log: IsolateLog, line: string): void {
  if (line.trim() === "") return;
  log(/^(?:fatal|fault|DEVELOPMENT)/.test(line) ? "warn" : "info", "isolate console", { line });
}

/** Bits a second of a real board's serial link. */
const BAUD = 921_600;

/** A board on a serial device, as `/dev/ttyUSB0`; with the control key that it demands, if it does. */
export function serialIsolate(device: string, controlKey?: Uint8Array): IsolateLauncher {
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
      if (controlKey !== undefined) await proveControlKey(link, controlKey);
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
