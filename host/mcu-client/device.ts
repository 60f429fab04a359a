import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../common/paths.js";
import { clockPage, emulatorArguments, endCode, makeRecordFlash } from "../mcu/emulator.js";
import {
  type EmulatedBoard,
  type Host,
  hasTwoWorlds,
  make,
  mcuBuildFolder,
} from "../mcu/toolchain.js";

/** The samples of `mcu-client/samples/`. */
export const samples = ["audio-event-triangulation", "shamir-secret-sharing"] as const;
/** The name of a sample. */
export type Sample = (typeof samples)[number];

/** How an emulated board reaches the loopback interface of the computer that emulates it. */
export const LOOPBACK_FROM_BOARD = "10.0.2.2";

/** The server's address as an emulated board has to use it. */
export function asSeenFromBoard(server: { host: string; port: number }): {
  host: string;
  port: number;
} {
  const loopback = server.host === "localhost" || server.host.startsWith("127.");
  return loopback ? { ...server, host: LOOPBACK_FROM_BOARD } : server;
}

/** Path of a sample's image; on a board with two worlds, of the secure one. */
export function clientImage(board: string, host: Host, sample: Sample, trace = false): string {
  const folder = `client-${host}${trace ? "-trace" : ""}`;
  return join(mcuBuildFolder, board, folder, "samples", `${sample}.elf`);
}

/** Path of the non-secure image beside it, an ELF file; undefined where the board has one world. */
export function clientOutside(
  board: string,
  host: Host,
  sample: Sample,
  trace = false,
): string | undefined {
  if (!hasTwoWorlds(board)) return undefined;
  const inside = clientImage(board, host, sample, trace).replace(/\.elf$/, "");
  return join(`${inside}-outside`, "client-outside.elf");
}

/**
 * Builds a sample's image, or both of them, if not up to date.
 *
 * @param trace an image that prints instruction counts (`mcu-client/common/trace.h`), for the bench
 */
export async function buildClient(
  board: string,
  host: Host,
  sample: Sample,
  trace = false,
): Promise<void> {
  const variables = { BOARD: board, HOST: host, ...(trace && { TRACE: "1" }) };
  const image = `samples/${sample}`;
  await make({ ...variables, IMAGE: image });
  if (hasTwoWorlds(board)) await make({ ...variables, IMAGE: "client-outside", SAMPLE: image });
}

/** Where a board keeps the page of its client's configuration (`FLASH_PAGE` in its client.mk). */
export function pageAddress(board: string): string {
  const text = readFileSync(join(projectRoot, "mcu-client/boards", board, "client.mk"), "utf8");
  const address = /^FLASH_PAGE := (0x[0-9A-Fa-f]+)/m.exec(text)?.[1];
  if (address === undefined) throw new Error(`${board} has no FLASH_PAGE in its client.mk`);
  return address;
}

/** Where a board's flash begins (`WHOLE` in its memory.ld). */
export function flashStart(board: string): string {
  const text = readFileSync(join(projectRoot, "mcu-client/boards", board, "memory.ld"), "utf8");
  const start = /^\s*WHOLE.*ORIGIN = (0x[0-9A-Fa-f]+)/m.exec(text)?.[1];
  if (start === undefined) throw new Error(`${board} has no WHOLE in its memory.ld`);
  return start;
}

/** Which board runs which sample, with which page. */
export interface DeviceOptions {
  board: EmulatedBoard;
  host: Host;
  sample: Sample;
  page: Uint8Array;
  /** Takes each line that the firmware prints. */
  console?: (line: string) => void;
  /** Another image than the sample's own, for tests and benches; it is all of the board, unless `outside` is given. */
  image?: string;
  /** Another non-secure image. */
  outside?: string;
  /** Path of a Unix socket on which QEMU serves its machine protocol. */
  monitorSocket?: string;
  /** One instruction takes one nanosecond of guest time. */
  exact?: boolean;
  /**
   * File that stands for the flash in which the client keeps its record; made where it is not there. Without commas or
   * spaces. Left out: the record is in RAM.
   */
  record?: string;
  /** The device cannot tell the time of day. Not beside `record`. */
  clockless?: boolean;
}

/** What an emulated device has for its record: 32 of them. */
const RECORD_FLASH_BYTES = 4096;

/** An emulated device that runs a sample with its page. */
export class EmulatedDevice {
  readonly lines: string[] = [];
  /** Resolves with the firmware's exit code, or -1 when it was killed. */
  readonly ended: Promise<number>;
  private readonly child: ChildProcess;
  private readonly folder = mkdtempSync(join(tmpdir(), "vc-device-"));
  private readonly waiting = new Set<() => void>();
  private running = true;
  private code: number | undefined;

  constructor(options: DeviceOptions) {
    const page = join(this.folder, "page.bin");
    writeFileSync(page, options.page, { mode: 0o600 });
    const { board, host, sample, exact = false, record, clockless = false } = options;
    if (clockless && record !== undefined) throw new Error("no record without a clock");
    const erased = Buffer.alloc(RECORD_FLASH_BYTES, 0xff);
    const image = options.image ?? clientImage(board, host, sample);
    const outside =
      options.outside ?? (options.image ? undefined : clientOutside(board, host, sample));
    const common = {
      board,
      image,
      exact,
      network: "user",
      ...(options.monitorSocket !== undefined && { monitorSocket: options.monitorSocket }),
    };
    let args: string[];
    if (outside !== undefined) {
      const clock = join(this.folder, "clock.bin");
      writeFileSync(clock, clockPage());
      if (record !== undefined) makeRecordFlash(record, erased);
      args = emulatorArguments({
        ...common,
        outside: outside.replace(/\.elf$/, ".bin"),
        client: { ...(!clockless && { clock }), ...(record !== undefined && { record }) },
      });
    } else {
      if (record !== undefined && !existsSync(record))
        writeFileSync(record, erased, { mode: 0o600 });
      args = emulatorArguments({
        ...common,
        ...(record !== undefined && { commandLine: `record=${record}` }),
        ...(clockless && { commandLine: "clock=none" }),
      });
    }
    args.push("-device", `loader,file=${page},addr=${pageAddress(board)},force-raw=on`);
    this.child = spawn("qemu-system-arm", args, { stdio: ["ignore", "pipe", "pipe"] });
    let partial = "";
    const take = (chunk: string) => {
      const lines = (partial + chunk).split(/\r?\n/);
      partial = lines.pop() ?? "";
      for (const line of lines) {
        // Without semihosting the firmware stands still at its end.
        const code = outside === undefined ? undefined : endCode(line);
        if (code !== undefined) {
          this.code ??= code;
          this.kill();
          break;
        }
        this.lines.push(line);
        options.console?.(line);
      }
      this.wake();
    };
    this.child.stdout?.setEncoding("utf8").on("data", take);
    this.child.stderr?.setEncoding("utf8").on("data", take);
    this.ended = new Promise((resolve) => {
      const end = (code: number | null) => {
        this.running = false;
        process.off("exit", this.kill);
        rmSync(this.folder, { recursive: true, force: true });
        this.wake();
        resolve(this.code ?? code ?? -1);
      };
      this.child.once("close", end);
      this.child.once("error", (error) => {
        this.lines.push(`qemu-system-arm: ${error.message}`);
        end(-1);
      });
    });
    // QEMU would outlive this process.
    process.once("exit", this.kill);
  }

  private wake(): void {
    for (const each of this.waiting) each();
  }

  /**
   * The first line, now or later, that matches.
   *
   * @throws Error with all output when the firmware ends without one
   */
  async line(pattern: RegExp): Promise<RegExpMatchArray> {
    for (let seen = 0; ; ) {
      for (; seen < this.lines.length; seen++) {
        const match = this.lines[seen]?.match(pattern);
        if (match) return match;
      }
      if (!this.running) {
        throw new Error(`the device has not printed ${pattern}:\n${this.lines.join("\n")}`);
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.waiting.delete(wake);
          resolve();
        };
        this.waiting.add(wake);
      });
    }
  }

  /** Ends it at once, as a power cut would. */
  readonly kill = (): void => {
    if (this.running) this.child.kill("SIGKILL");
  };

  async close(): Promise<void> {
    this.kill();
    await this.ended;
  }
}
